from pathlib import Path

import pytest

from verifier.corpora import corpus as corpora
from verifier.music.voice_rules import MotionRule
from verifier.spec import spec

SPECS = Path(__file__).parent.parent / "specs"


@pytest.mark.parametrize(("name", "about_two_voices"), [("folk", False), ("palestrina", True)])
def test_a_shipped_spec_is_of_the_corpus_as_it_is_and_ranks_among_all_of_its_works(name, about_two_voices):
    shipped = spec.load(SPECS / f"{name}.yaml")
    manifest = next(manifest for manifest in corpora.names() if manifest.name == name)
    assert shipped.corpus.sha256 == manifest.sha256
    assert len(shipped.calibration.samples) == manifest.groups
    assert any(isinstance(rule, MotionRule) for rule in shipped.rules) == about_two_voices
    assert all(rule.support.trials for rule in shipped.rules)
