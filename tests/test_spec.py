"""The spec file: what is written is read back, and what cannot be is refused in one line that names the place."""

import pytest

from tests.rolls import random_batch
from verifier.base.errors import InputError
from verifier.data.view import require_same_view
from verifier.music.view import PianoRollView
from verifier.rule.registry import rules_for
from verifier.spec import spec as specs
from verifier.spec.provenance import CorpusRecord, Sampling, Split
from verifier.spec.spec import Spec
from verifier.verbs.learn import calibrate, learn_rules


def small_spec(**changes):
    batch = random_batch(5, n=8)
    learned = learn_rules(batch, {name: {} for name in rules_for("piano-roll")})
    rules, calibration = calibrate(learned, random_batch(6, n=4))
    record = CorpusRecord(
        name="noise", source="a random generator", licence="none", pieces=4, groups=4, sha256="0" * 64, split=Split(),
        sampling=Sampling(windows=8),
    )  # fmt: skip
    fields = {
        "name": "small",
        "view": batch.view,
        "corpus": record,
        "rules": rules,
        "calibration": calibration,
    } | changes
    return Spec(**fields)


TEXT = specs.dumps(small_spec())


def test_what_is_written_is_read_back():
    assert specs.loads(TEXT) == small_spec()
    assert specs.dumps(specs.loads(TEXT)) == TEXT


def test_a_view_of_whole_pieces_is_read_back():
    whole = small_spec(view=PianoRollView(window=None))
    assert specs.loads(specs.dumps(whole)) == whole


def test_writing_leaves_no_half_file(tmp_path, monkeypatch):
    monkeypatch.setattr(specs, "dumps", lambda spec: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        specs.dump(small_spec(), tmp_path / "spec.yaml")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("verifier: 3", "verifier: 4", r"line 1: verifier: made by a newer verify \(format 4\); this"),
        ("name: small", "name: small\ncolour: red", r"object contains unknown field 'colour'"),
        ("pitches: 40", "pitches: many", r"line 3: view.pitches: expected 'int', got 'str'"),
        ("threshold: 0.5", "threshold: 2", r"view.threshold: expected 'float' <= 1"),
        ("lowest-pitch: 36", "lowest-pitch: 100", r"line 3: view: .* 40 pitches reach MIDI number 139"),
        ("kind: piano-roll", "kind: spectrogram", r"line 3: view: expected a kind of view \(.*\), found 'spectrogram'"),
        (
            "- rule: polyphony", "- rule: poliphony",
            r"rules\[\d+\]: expected a rule for the kind of view piano-roll \(accidentals, .*found 'poliphony'",
        ),
        ("- rule: polyphony", "- rule: durations", r"rules\[\d+\]: a second durations; a rule .* once"),
        ("per: change", "per: bar", r"rules\[\d+\].per: invalid enum value 'bar'"),
        ("per: change", "pro: change", r"rules\[\d+\]: object contains unknown field 'pro'"),
        ("{pieces: 4, samples: 8,", "{pieces: -4, samples: 8,", r"rules\[\d+\].support.pieces: expected 'int' >= 0"),
        ("rest:", "H:", r"line 15: rules\[0\]: lines: expected semitones .* found 'H'"),
        ("at 0:", "around 0:", r"expected 'below', 'at' or 'above' and a level from 0 to 255, found 'around 0'"),
        ("name: small", "name: small\nname: big", r"line 3: not valid YAML: the key 'name' stands here twice"),
        ("name: small", "name: &a small\ntitle: *a", r"line 2: not valid YAML: aliases are not allowed in a spec"),
        ("name: small", "name: [small", r"line \d+: not valid YAML"),
        ("name: small", "name: !!python/name:os.system x", r"line 2: not valid YAML: could not determine"),
        ("learn: 0.8", "learn: 0.9", r"corpus.split: learn 0.9 and hold-out 0.2 do not add up to 1"),
    ],
)  # fmt: skip
def test_a_bad_spec_is_refused_with_its_place(tmp_path, old, new, message):
    assert old in TEXT
    path = tmp_path / "bad.yaml"
    path.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(InputError, match=message) as caught:
        specs.load(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just text", "rules: []\n"])
def test_a_file_that_is_no_spec_is_refused(text):
    with pytest.raises(InputError, match="expected a spec, which starts with 'verifier: 3'"):
        specs.loads(text)


def test_unreadable_files_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"expected a spec file: No such file"):
        specs.load(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"verifier: 1\nname: caf\xe9\n")
    with pytest.raises(InputError, match="expected UTF-8 text, found byte 0xe9"):
        specs.load(tmp_path / "latin.yaml")
    (tmp_path / "control.yaml").write_text("verifier: 1\nname: \x07\n")
    with pytest.raises(InputError, match="not valid YAML"):
        specs.load(tmp_path / "control.yaml")
    with (tmp_path / "huge.yaml").open("wb") as file:
        file.truncate(specs.MAX_BYTES + 1)
    with pytest.raises(InputError, match="expected a spec file of at most 64 MiB, found 65 MiB"):
        specs.load(tmp_path / "huge.yaml")


def test_nested_aliases_do_not_unfold():
    bomb = "a: &a [x, x]\n" + "".join(f"b{i}: &b{i} [*{'a' if not i else f'b{i - 1}'}, x]\n" for i in range(50))
    with pytest.raises(InputError, match="aliases are not allowed"):
        specs.loads(bomb)


def test_rules_are_selected_by_name():
    spec = small_spec()
    assert [rule.name() for rule in spec.selected(["durations"], []).rules] == ["durations"]
    assert "durations" not in {rule.name() for rule in spec.selected([], ["durations"]).rules}
    with pytest.raises(InputError, match=r"expected one of its rules .*found 'rhythm'"):
        spec.selected(["rhythm"], [])
    with pytest.raises(InputError, match="no rule is left"):
        spec.selected(["durations"], ["durations"])


def test_two_views_are_not_compared():
    require_same_view(PianoRollView(), PianoRollView(), "here")
    with pytest.raises(
        InputError, match=r"here: two views .* differ in window 64 against 32, threshold 0.5 against 0.4"
    ):
        require_same_view(PianoRollView(), PianoRollView(window=32, threshold=0.4), "here")
