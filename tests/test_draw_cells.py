"""Explaining sounds and pictures: which samples, where in them, and beside what of the corpus."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tests import media
from tests.test_draw import words
from tests.test_spec import small_spec
from verifier.audio.draw import shade_lines as sound_lines
from verifier.base.errors import InputError
from verifier.cli import main as cli
from verifier.data.batch import Batch
from verifier.data.medium import medium_of
from verifier.draw import charts
from verifier.draw.cells import regions, spans
from verifier.draw.layout import panels_of
from verifier.draw.marks import Group, cells_of, first_numbers, groups_of
from verifier.image import draw as picture_draw
from verifier.image.view import ImageView
from verifier.report import learned, terminal
from verifier.rule.charts import RIBBON, Ribbon, Values
from verifier.rule.registry import rules_for
from verifier.rule.rule import Violation
from verifier.spec import spec as specs
from verifier.verbs.explain import explain, observed
from verifier.verbs.learn import calibrate, learn_rules

PICTURES = [f"wave=0.1,0.{i} flat=0.5 noise=0.02 seed={i} 8-bit" for i in range(1, 7)]
SOUNDS = [f"tone={300 + 40 * i},0.3 noise=0.02 seed={i}" for i in range(6)]
STRANGE = {"image": "flat=0.5 grid=2,0.4 noise=0.1", "mel-spectrogram": "tone=3000,0.5 clip=0.2 quiet=0.2"}


def learned_spec(medium, texts):
    """A spec whose rules were learned from, and calibrated on, these samples."""
    batch = media.batch(texts, medium)
    rules, _ = calibrate(learn_rules(batch, {name: {} for name in rules_for(medium)}), batch)
    rules = tuple(rule for rule in rules if rule.support.trials)
    return small_spec(view=batch.view, rules=rules, calibration=None)


@pytest.fixture(scope="module")
def of_medium():
    return {"image": learned_spec("image", PICTURES), "mel-spectrogram": learned_spec("mel-spectrogram", SOUNDS)}


def violation(start=0, steps=16, rows=(), rule="a", observed="x"):
    return Violation(start=start, steps=steps, pitches=(), rows=rows, rule=rule, observed=observed, allowed="y")


@pytest.mark.parametrize("medium", STRANGE)
@pytest.mark.parametrize("cut", [1, 3, 7])
def test_of_many_samples_those_that_break_most_come_first_however_they_are_cut_into_batches(of_medium, medium, cut):
    usual = PICTURES if medium == "image" else SOUNDS
    batch = media.batch([*usual[:3], STRANGE[medium], *usual[3:]], medium)
    spec = of_medium[medium]
    parts = [batch.take(range(at, min(at + cut, 7))) for at in range(0, 7, cut)]
    explained = explain(spec, parts, 2)
    counts = [checker.count(batch).violations for checker in spec.compile().values()]
    assert explained.batch.names[0] == "sample-3"
    assert [len(explained.found[i]) for i in range(2)] == [
        int(np.sum(counts, axis=0)[batch.names.index(name)]) for name in explained.batch.names
    ]
    assert (explained.samples, explained.violations) == (7, np.sum(counts))
    assert explained.broken == (np.sum(counts, axis=0) > 0).sum()


def test_numbers_begin_again_in_each_picture():
    batch = media.batch(PICTURES[:2], "image")
    assert first_numbers(batch, {0: [violation()] * 3, 1: [violation()]}) == {0: 1, 1: 1}


def test_cells_that_touch_are_one_region_with_the_numbers_of_all():
    batch = media.batch(PICTURES[:1], "image")
    places = [(3, 4), (3, 5), (9, 9), (4, 5)]
    (group,) = groups_of([violation(step, 1, (row,)) for row, step in places], 7)
    assert group.numbers == "7-10"
    found = regions(batch, 0, group)
    assert [region.numbers for region in found] == [[7, 8, 10], [9]]
    assert np.argwhere(found[0].cells).tolist() == [[3, 4], [3, 5], [4, 5]]


def test_a_region_is_of_rows_of_steps_or_of_nothing():
    batch = media.batch(SOUNDS[:1], "mel-spectrogram")
    length = int(batch.lengths[0])
    group = Group("a", 1, [violation(0, length, (2,)), violation(5, 2), violation(0, length)])
    (region,) = regions(batch, 0, group)  # a band and two frames cross; the whole sample is no region
    expected = np.zeros((batch.view.rows, length), bool)
    expected[2], expected[:, 5:7] = True, True
    assert np.array_equal(region.cells, expected)
    assert region.numbers == [1, 2]


def test_the_planes_of_a_picture_in_colour_lie_on_each_other():
    view = ImageView(height=4, width=6, channels=3)
    batch = Batch.of(view, np.zeros((1, 12, 6), np.float32))
    rows, steps = cells_of(batch, 0, violation(2, 1, (1, 5, 10)))
    assert (rows.tolist(), steps) == ([1, 2], slice(2, 3))


def test_numbers_are_written_as_spans():
    assert spans([4]) == "4"
    assert spans([1, 2, 3, 7]) == "1-3, 7"
    assert spans([1, 3, 5, 7]) == "1, 3, 5 ..."


@pytest.mark.parametrize(
    ("medium", "expected"),
    [("image", ("pixels", "power spectrum, cycles/pixel")), ("mel-spectrogram", ("Hz", "seconds"))],
)
def test_a_picture_shows_the_sample_its_place_and_what_the_corpus_has(of_medium, medium, expected, tmp_path):
    spec = of_medium[medium]
    explained = explain(spec, [media.batch([STRANGE[medium]], medium)], 1)
    medium_of(spec.view).draw(tmp_path / "a.svg", spec.rules, explained.batch, explained.found, 1)
    texts = words(tmp_path / "a.svg")
    rules = {one.rule for one in explained.found[0]}
    assert f"sample-0: {len(explained.found[0]):,} violations of {len(rules)} rules" in [
        text.replace(", from 0.00 s", "") for text in texts
    ]
    for text in (
        *expected,
        "corpus",
        "this sample",
        *rules & {rule.name() for rule in spec.rules if list(rule.panels())},
    ):
        assert text in texts


@pytest.mark.parametrize("medium", STRANGE)
def test_a_sample_that_breaks_nothing_is_drawn_beside_the_values_of_the_corpus(of_medium, medium, tmp_path):
    spec = of_medium[medium]
    batch = media.batch([(PICTURES if medium == "image" else SOUNDS)[2]], medium)
    medium_of(spec.view).draw(tmp_path / "a.svg", spec.rules, batch, {0: []}, 1)
    texts = words(tmp_path / "a.svg")
    assert "intensity-distribution" in texts
    assert "spectral-envelope" not in texts
    assert "azimuthal-spectrum" not in texts


def test_pixels_are_enlarged_and_not_blurred():
    values = np.zeros((1, 16, 16), np.float32)
    values[0, 3, 5] = 1
    figure = Figure(figsize=(1.6, 1.6), dpi=100)
    picture_draw._draw_pixels(figure.add_axes((0, 0, 1, 1)), Batch.of(media.PICTURES, values), 0)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn = np.asarray(canvas.buffer_rgba())[:, :, 0]
    assert (drawn[31:39, 51:59] == 255).all()
    assert not drawn[1:29, 1:159].any()
    assert not drawn[41:129, 61:159].any()


def test_sounds_and_pictures_are_listed_rule_by_rule_without_bars(of_medium, capsys):
    for medium, spec in of_medium.items():
        explained = explain(spec, [media.batch([STRANGE[medium]], medium)], 1)
        terminal.print_explanation(terminal.console(), spec, explained, 1)
        out = capsys.readouterr().out
        assert "bar " not in out
        assert "more of intensity-modes" in out or medium != "image"
        assert ("from 0.00 s" in out) == (medium == "mel-spectrogram")


def test_shades_are_of_the_picture_and_red_where_a_rule_is_broken():
    values = np.zeros((1, 16, 16), np.float32)
    values[0, :8] = 1
    lines = picture_draw.shade_lines(Batch.of(media.PICTURES, values), 0, [violation(0, 4, (0, 1))])
    assert [line.plain for line in lines] == ["  " + "█" * 16] * 4 + ["  " + " " * 16] * 4
    red = [(span.start, span.end) for span in lines[0].spans if span.style == "bold red"]
    assert sum(end - start for start, end in red) == 4
    assert not any(span.style for line in lines[1:] for span in line.spans)


def test_of_a_sound_the_low_frequencies_are_below():
    batch = media.batch(["tone=200,0.5"], "mel-spectrogram")
    lines = [line.plain for line in sound_lines(batch, 0, [])]
    assert lines[0].strip() == ""
    assert "█" in "".join(lines[-5:])


def test_words_that_all_labels_share_stand_once():
    assert charts._factored(["band 1", "band 12"]) == ("band", ["1", "12"], "")
    assert charts._factored(["0.1 cycles/pixel", "0.2 cycles/pixel"]) == ("", ["0.1", "0.2"], "cycles/pixel")
    assert charts._factored(["a", "b c"]) == ("", ["a", "b c"], "")


def test_bands_are_called_by_their_frequency_and_the_sample_breaks_them_under_that_name(of_medium):
    spec = of_medium["mel-spectrogram"]
    (plain,) = spec.rule("spectral-envelope").panels()
    (panel,) = panels_of(spec.rule("spectral-envelope"), spec.view)
    assert plain.labels[0] == "band 2"  # those below 300 Hz are no numbers of the rule
    assert panel.labels[0].endswith(" Hz")
    assert len(panel.labels) == len(plain.labels) == media.SOUNDS.bands - 2


def test_numbers_of_one_sample_are_a_ribbon_without_width():
    batch = media.batch(SOUNDS[:1], "mel-spectrogram")
    for rule in learn_rules(batch, {"spectral-envelope": {}, "dynamics": {}}):
        (panel,) = rule.panels()
        assert isinstance(panel, Ribbon)
        assert all(len(quantiles) == len(RIBBON) and len(set(quantiles)) == 1 for quantiles in panel.quantiles)


def test_the_values_of_a_corpus_are_a_panel_unless_they_are_two():
    grey, binary = media.batch(PICTURES, "image"), media.batch(["flat=0", "flat=1"], "image")
    (rule,) = learn_rules(grey, {"intensity-distribution": {}})
    (panel,) = rule.panels()
    assert isinstance(panel, Values)
    assert sum(panel.counts) == grey.values.size
    assert not list(learn_rules(binary, {"intensity-distribution": {}})[0].panels())


@pytest.mark.parametrize("medium", STRANGE)
def test_what_a_spec_of_any_medium_has_learned_is_drawn(of_medium, medium, tmp_path):
    spec = of_medium[medium]
    learned.write(spec, tmp_path / "a.svg")
    texts = words(tmp_path / "a.svg")
    for rule in spec.rules:
        assert (rule.name() in texts) == bool(list(rule.panels()))


def test_what_rules_learn_from_samples_is_what_they_learn_from_all_batches_at_once(of_medium):
    spec = of_medium["image"]
    batch = media.batch(PICTURES, "image")
    assert observed(spec, [batch.take([0, 1]), batch.take([2, 3, 4, 5])]) == observed(spec, [batch])
    assert observed(spec, [batch])["mode-shares"].values == spec.rule("mode-shares").values


def test_sample_sets_are_drawn_over_what_was_learned(of_medium, tmp_path):
    spec = of_medium["image"]
    label = "a/folder/with/a/long/name/that/goes/on/x.npz"
    sets = {
        label: observed(spec, [media.batch([STRANGE["image"]], "image")]),
        "real": observed(spec, [media.batch(PICTURES, "image")]),
    }
    learned.write(spec, tmp_path / "a.svg", sets)
    texts = words(tmp_path / "a.svg")
    assert {"corpus", "real", f"...{label[-learned.LABEL :]}"} <= set(texts)


def test_sample_sets_over_a_spec_of_music_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"a.png: expected a rule of numbers or of values to draw samples over, found"):
        learned.require_comparable(tmp_path / "a.png", small_spec().selected(["durations"], []))


def test_explain_from_the_command_line_draws_and_refuses_an_annotated_copy(of_medium, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    specs.dump(of_medium["image"], Path("spec.yaml"))
    np.savez("x.npz", x=media.batch([STRANGE["image"]], "image").values)
    assert cli.main(["explain", "spec.yaml", "x.npz", "-o", "a.png"]) == 1
    assert Path("a.png").read_bytes()[:4] == b"\x89PNG"
    capsys.readouterr()
    assert cli.main(["explain", "spec.yaml", "x.npz", "-o", "a.mid"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "a.mid: expected a picture with a suffix of .png, .svg, .pdf, found '.mid'" in error
    assert not Path("a.mid").exists()


def test_show_draws_samples_only_into_a_picture(of_medium, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    spec = of_medium["image"].selected(["mode-shares"], [])
    specs.dump(spec, Path("spec.yaml"))
    np.savez("x.npz", x=media.batch([STRANGE["image"]], "image").values)
    assert cli.main(["show", "spec.yaml", "x.npz", "-o", "a.svg"]) == 0
    assert "x.npz" in words(Path("a.svg"))
    capsys.readouterr()
    assert cli.main(["show", "spec.yaml", "x.npz"]) == 2
    assert "x.npz: expected a picture to draw samples in" in capsys.readouterr().err
