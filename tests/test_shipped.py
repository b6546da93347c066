from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from verifier.base.errors import InputError
from verifier.corpora import shipped as generated
from verifier.corpora.sample_sets import open_samples, parts_of
from verifier.generators.sample import blocks, load
from verifier.spec.spec import load as load_spec

SPEC = load_spec(Path(__file__).parents[1] / "specs" / "bach-tequilagan.yaml")
SHIPPED = generated.names("bach")


def test_generators_ship():
    assert {"iwgan", "lsgan"} <= set(SHIPPED)
    assert set(SHIPPED) <= set(parts_of("bach"))
    assert generated.names("/tmp") == generated.names("no-such-corpus") == []


@pytest.mark.parametrize("name", SHIPPED)
def test_a_generator_that_ships_has_a_thousand_samples_of_the_view_of_the_paper(name):
    samples = open_samples(f"bach:{name}", SPEC.view, SPEC.corpus)
    assert samples.label == f"bach:{name}"
    batches = list(samples.batches())
    assert sum(map(len, batches)) == 1000
    assert batches[0].values.shape[1:] == (64, 64)
    assert np.unique(np.round(batches[0].values * 255, 3) % 1).tolist() == [0]


def test_its_samples_are_those_of_its_weights():
    import torch

    trained = load(generated.folder_of("bach:iwgan"))
    made = next(blocks(trained.generator, trained.record.config, 50, 0, torch.device("cpu")))[:, 0]
    (batch,) = open_samples("bach:iwgan", SPEC.view, SPEC.corpus, limit=50).batches()
    assert np.abs(made - batch.values).max() < 0.5 / 255 + 1e-4


def test_it_is_not_compared_under_another_view():
    with pytest.raises(InputError, match=r"^the spec and bach:iwgan: two views .* steps-per-quarter 4 against 14\.4"):
        open_samples("bach:iwgan", structs.replace(SPEC.view, steps_per_quarter=4))
    with pytest.raises(InputError, match=r"^bach:nothing: expected .* \(bach:iwgan, "):
        generated.folder_of("bach:nothing")


def test_one_generator_of_each_medium_ships_its_weights():
    listed = r"\(bach:iwgan, mnist:lsgan, speech:iwgan\), found neither$"
    with pytest.raises(InputError, match=rf"^bach:lsgan: expected .* whose weights ship {listed}"):
        generated.folder_of("bach:lsgan")
