"""The front door: any input in, a Spec or a Run out, and reprs of one line."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import verifier as vf
from verifier.data.batch import Batch
from verifier.data.medium import view_of
from verifier.spec.spec import dump, dumps

RNG = np.random.default_rng(0)
SPARSE = RNG.random((40, 64, 64)) < 0.03
SPARSE[:, 30, [0, -1]] = True  # no silence is around the music


@pytest.fixture(scope="module")
def spec() -> vf.Spec:
    return vf.learn(SPARSE, rules=["polyphony", "pitch-range", "intensity-modes"], name="sparse", hold_out=0.5)


def test_everything_that_is_offered_is_there_and_nothing_else():
    assert set(vf.__all__) <= set(dir(vf))
    for name in vf.__all__:
        assert getattr(vf, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'chekc'"):
        vf.chekc  # noqa: B018  # the attribute is what is tested


def test_a_spec_is_loaded_by_name_path_text_and_itself(spec, tmp_path):
    dump(spec, tmp_path / "own.yaml")
    assert vf.load_spec(tmp_path / "own.yaml") == vf.load_spec(dumps(spec)) == vf.load_spec(spec) == spec
    assert vf.load_spec("mnist").view.kind == "image"
    with pytest.raises(vf.InputError, match=r"nosuch: expected a spec file, or one of the specs that ship \(bach, "):
        vf.load_spec("nosuch")


def test_learning_from_memory_from_a_file_of_it_and_from_a_batch_is_the_same(spec, tmp_path):
    np.save(tmp_path / "samples.npy", SPARSE)
    options = {"rules": ["polyphony", "pitch-range", "intensity-modes"], "name": "sparse", "hold_out": 0.5}
    of_file = vf.learn(tmp_path / "samples.npy", **options)
    of_batch = vf.learn(Batch.of(spec.view, SPARSE), **options)
    assert of_batch == spec
    # The names of samples differ, and so does the split; the whole corpus is the same.
    assert of_file.corpus.pieces == spec.corpus.pieces
    assert of_file.view == spec.view


def test_groups_stand_on_one_side_of_the_split_and_are_counted():
    groups = [f"piece {i // 4}" for i in range(40)]
    found = vf.learn(SPARSE, rules=["polyphony"], groups=groups)
    assert found.corpus.groups == 10
    assert found.rules[0].held_out.samples % 4 == 0
    with pytest.raises(vf.InputError, match="expected one for each of 40 samples, found 3"):
        vf.learn(SPARSE, groups=groups[:3])


def test_every_way_to_give_samples_gives_the_same_counts(spec, tmp_path):
    torch = pytest.importorskip("torch")
    samples = RNG.random((30, 64, 64)) < 0.1
    np.savez(tmp_path / "x.npz", x=samples)
    ways = {
        "array": samples,
        "tensor": torch.from_numpy(samples),
        "batch": Batch.of(spec.view, samples),
        "batches": [Batch.of(spec.view, samples[:10]), Batch.of(spec.view, samples[10:])],
        "iterator": iter([samples[:10], samples[10:]]),
        "file": tmp_path / "x.npz",
        "list": list(samples),
    }
    run = vf.check(spec, ways)
    counts = {
        label: [(rule.violations, rule.trials) for rule in result.rules.values()] for label, result in run.sets.items()
    }
    assert len(set(map(str, counts.values()))) == 1, counts
    assert run.sets["iterator"].samples == 30
    assert (
        vf.check(spec, iter([samples[:10], samples[10:]])).flagged["samples"]
        == vf.check(spec, samples).flagged["samples"]
    )


def test_two_paths_are_two_sets_and_one_path_twice_is_refused(spec, tmp_path):
    for name in ("a.npy", "b.npy"):
        np.save(tmp_path / name, SPARSE)
    run = vf.check(spec, [tmp_path / "a.npy", str(tmp_path / "b.npy")])
    assert [Path(label).name for label in run.sets] == ["a.npy", "b.npy"]
    with pytest.raises(vf.InputError, match="stands there twice"):
        vf.check(spec, [tmp_path / "a.npy", tmp_path / "a.npy"])


def test_pictures_and_sounds_in_memory():
    pixels = (RNG.random((28, 28)) * 255).astype(np.uint8)
    digits = vf.load_spec("mnist").selected(["mode-shares"], [])
    assert vf.check(digits, [Image.fromarray(pixels)] * 2).sets["samples"].samples == 2
    speech = vf.load_spec("speech").selected(["bandwidth"], [])
    wave = RNG.standard_normal(8000 * 2).astype(np.float32) / 10
    ways = {
        "floats": [(wave, 8000)],
        "16 bits": [((wave * 32768).clip(-32768, 32767).astype(np.int16), 8000)],
        "two channels": [(np.stack([wave, wave], axis=1), 8000)],
    }
    run = vf.check(speech, ways)
    assert [result.samples for result in run.sets.values()] == [3, 3, 3]
    assert len({result.rules["bandwidth"].violations for result in run.sets.values()}) == 1
    with pytest.raises(vf.InputError, match="samples a second, found 7"):
        vf.check(speech, [(wave, 7)])


def test_a_run_says_what_it_found_saves_itself_and_is_read_back(spec, tmp_path):
    run = vf.check(spec, {"real": SPARSE, "noise": RNG.random((40, 64, 64)) < 0.5})
    assert run.sets["noise"].verdict == run.verdict == "fail"
    assert not run.passed
    assert len(run.flagged["noise"]) == 40
    assert len(run.flagged["real"]) < 8
    run.save(tmp_path / "run.json")
    again = vf.Run.load(tmp_path / "run.json")
    written = json.loads((tmp_path / "run.json").read_text())
    assert json.loads(json.dumps(run.to_dict())) == json.loads(json.dumps(again.to_dict())) == written
    run.save(tmp_path / "run.md")
    with pytest.raises(vf.InputError, match=r"found '\.docx'"):
        run.save(tmp_path / "run.docx")


def test_a_table_for_pandas_has_a_row_for_each_set_and_rule(spec):
    pandas = pytest.importorskip("pandas")
    table = vf.check(spec, SPARSE).to_pandas()
    assert isinstance(table, pandas.DataFrame)
    assert list(table["rule"]) == [rule.name() for rule in spec.rules]


def test_reprs_are_one_line_and_tables_of_notebooks_are_escaped(spec, tmp_path):
    run = vf.check(spec, {"<b>x</b>\x1b[31m": SPARSE})
    explained = vf.explain(spec, SPARSE[:2])
    diff = vf.diff(spec, "bach-roll")
    told = vf.evaluate(spec, SPARSE, real=SPARSE[:20], set_size=10)
    runs = vf.diff(run, run), vf.gate(run, run)
    for found in (spec, spec.rules[0], run, explained, diff, told, *runs):
        assert "\n" not in repr(found)
        assert len(repr(found)) < 200, repr(found)
        assert "\x1b" not in repr(found)
    table = run._repr_html_()
    assert "<b>x" not in table
    assert "&lt;b&gt;x" in table
    assert "\x1b" not in table
    assert spec._repr_html_().startswith("<table>")
    assert explained._repr_html_().startswith("<table>")


def test_runs_are_compared_and_gated_as_files_and_in_memory(spec, tmp_path):
    good = vf.check(spec, {"x": SPARSE}, findings=True)
    bad = vf.check(spec, {"x": RNG.random((40, 64, 64)) < 0.5}, findings=True)
    good.save(tmp_path / "good.json")
    assert vf.gate(tmp_path / "good.json", bad).regressed
    assert not vf.gate(good, good).regressed
    assert vf.diff(tmp_path / "good.json", bad).sets[0].rules["polyphony"].change in ("worse", "better")
    with pytest.raises(vf.InputError, match="found one of each"):
        vf.diff(good, spec)


def test_a_generator_may_be_called_what_the_real_set_is_called(spec):
    noise = RNG.random((40, 64, 64)) < 0.5
    told = vf.evaluate(spec, {"real": noise, "other": noise}, real=SPARSE, rules=["polyphony"], set_size=20)
    real, other = (told.generators[label].by_sample["polyphony"].auroc for label in ("real", "other"))
    assert real == other > 0.9


def test_a_learned_spec_is_saved_and_read_again(spec, tmp_path):
    spec.save(tmp_path / "sparse.yaml")
    assert vf.load_spec(tmp_path / "sparse.yaml") == spec


def test_a_set_that_could_not_fail_is_refused(spec):
    for nothing in ([], {}, {"x": []}):
        with pytest.raises(vf.InputError, match="expected at least one sample"):
            vf.check(spec, nothing)
    with pytest.raises(vf.InputError, match="1: stands there twice"):
        vf.check(spec, {1: SPARSE, "1": SPARSE})


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"limit": 0}, "limit: expected a whole number from 1, found 0"),
        ({"limit": 2.5}, "limit: expected a whole number from 1, found 2.5"),
        ({"alpha": -1}, "alpha: expected a number between 0 and 1, found -1"),
        ({"alpha": 0}, "alpha: expected a number between 0 and 1, found 0"),
        ({"alpha": "x"}, "alpha: expected a number between 0 and 1, found 'x'"),
        ({"alpha": float("nan")}, "alpha: expected a number between 0 and 1, found nan"),
        ({"on_error": "igonre"}, "on_error: expected stop or skip, found 'igonre'"),
    ],
)
def test_an_option_that_means_nothing_is_one_line(spec, options, problem):
    with pytest.raises(vf.InputError) as caught:
        vf.check(spec, SPARSE, **options)
    assert str(caught.value) == problem


def test_verbs_refuse_what_they_would_ignore(spec, tmp_path):
    run = vf.check(spec, SPARSE)
    np.savez(tmp_path / "x.npz", x=SPARSE)
    for call, problem in (
        (lambda: vf.learn(tmp_path / "x.npz", groups=["a"] * 3), "groups: expected one for each of 40 samples"),
        (lambda: vf.learn("bach", groups=["a"] * 3), "groups: expected none"),
        (lambda: vf.learn(SPARSE, groups="a" * len(SPARSE)), "groups: expected a list of names"),
        (lambda: vf.learn(SPARSE, hold_out=-1), "hold_out: expected a number from 0 to below 1"),
        (lambda: vf.gate(run, run, margin=float("nan")), "margin: expected a number from 0"),
        (lambda: vf.gate(run, run, alpha=2), "alpha: expected a number between 0 and 1"),
        (lambda: vf.gate(run.to_dict(), run), "expected a Run or the path of its record"),
        (lambda: vf.check(SPARSE, "bach"), "spec: expected a Spec, or its name, path or text, found ndarray"),
        (lambda: vf.evaluate(spec, SPARSE, real=SPARSE, set_size=0), "set_size: expected a whole number from 1"),
    ):
        with pytest.raises(vf.InputError, match=problem):
            call()


def test_a_name_that_is_no_utf8_is_written_escaped(spec, tmp_path):
    run = vf.check(spec, {"a\udcff": SPARSE})
    run.save(tmp_path / "run.json")
    assert list(vf.Run.load(tmp_path / "run.json").sets) == ["a\\udcff"]


def test_a_view_is_given_as_settings_or_as_itself():
    settings = {"kind": "image", "height": 8, "width": 8}
    pictures = RNG.random((30, 8, 8)).astype(np.float32)
    one = vf.learn(pictures, view=settings, rules=["intensity-distribution"])
    assert one == vf.learn(pictures, view=view_of(settings, "image"), rules=["intensity-distribution"])
    with pytest.raises(vf.InputError, match="view: Object contains unknown field 'hieght'"):
        vf.learn(pictures, view={"kind": "image", "hieght": 8})
    with pytest.raises(
        vf.InputError, match=r"expected a kind of view \(image, mel-spectrogram, piano-roll\), found 'imgae'"
    ):
        vf.learn(pictures, view={"kind": "imgae"})
