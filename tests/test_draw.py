"""Pictures: of samples with their violations, and of what a spec has learned."""

import re
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from tests.rolls import batch
from tests.test_check import chorale_like
from tests.test_spec import small_spec
from verifier.base.errors import InputError
from verifier.draw import charts
from verifier.draw.charts import MAX_BARS, MAX_NODES
from verifier.draw.marks import first_numbers
from verifier.music import draw as picture_music
from verifier.music.marks import marked, note_table
from verifier.music.view import PianoRollView
from verifier.report import formats, learned
from verifier.rule.charts import Bars, Graph, Histograms
from verifier.rule.registry import all_rules, rules_for
from verifier.rule.rule import Violation
from verifier.verbs.learn import learn_rules


def violation(start, steps, *pitches, rule="parallels"):
    return Violation(start=start, steps=steps, pitches=pitches, observed="a", allowed="b", rule=rule)


def piece(text="C4:0-4", steps=64):
    return batch([text], PianoRollView(window=None), steps=steps)


def words(path) -> list[str]:
    """The texts in an SVG by matplotlib, which draws letters as shapes and says in a comment which."""
    return re.findall(r"<!-- *(.*?) *-->", path.read_text("utf-8"))


def test_a_short_sample_is_one_system_and_a_long_one_is_cut_at_bar_lines():
    assert [tuple(system) for system in picture_music.systems_of(piece(steps=64), 0)] == [(0, 0, 64)]
    long = picture_music.systems_of(piece(steps=256), 0)
    assert [(start, stop) for _, start, stop in long] == [(0, 64), (64, 128), (128, 192), (192, 256)]
    after_a_pickup = picture_music.systems_of(piece("pickup=1 C4:0-4", steps=260), 0)
    assert [(start - 4) % 16 for _, start, _ in after_a_pickup[1:]] == [0, 0, 0]


@pytest.mark.parametrize(("meter", "steps"), [(4, 1), (3, 1000), (7, 333), (100, 700), (0.5, 90)])
def test_systems_cover_the_sample_and_none_is_much_too_long(meter, steps):
    sample = piece(f"meter={meter} C4:0-1", steps=steps)
    systems = picture_music.systems_of(sample, 0)
    assert [stop for _, _, stop in systems[:-1]] == [start for _, start, _ in systems[1:]]
    assert (systems[0].start, systems[-1].stop) == (0, steps)
    assert max(stop - start for _, start, stop in systems) <= 4 * (picture_music.SYSTEM + meter)


def test_bar_lines_stand_where_bars_begin_also_in_a_window_and_after_a_pickup():
    assert picture_music.bar_lines(piece(steps=40), 0) == [0, 16, 32]
    assert picture_music.bar_lines(piece("pickup=1 C4:0-4", steps=40), 0) == [4, 20, 36]
    window = piece("pickup=1 meter=3 C4:0-4", steps=40)
    window.starts[0] = 20  # bars begin at 4, 16, 28, 40 of the piece
    assert picture_music.bar_lines(window, 0) == [8, 20, 32]


def test_the_notes_of_a_violation_are_those_that_sound_during_it_and_those_it_comes_from():
    sample = piece("G4:0-4 A4:4-8 G4:12-16 | C4:0-4 D4:4-8 C4:20-24")
    table = note_table(sample, 0)
    parallel = marked(table, violation(4, 1, 67, 69, 60, 62))
    of = [(int(table.pitches[at]), int(table.starts[at])) for at in parallel]
    assert sorted(of) == [(60, 0), (62, 4), (67, 0), (69, 4)]
    assert not len(marked(table, violation(30, 2, 67)))


def test_numbers_run_through_a_piece_and_begin_again_in_the_next():
    samples = replace(batch(["C4:0-4"] * 3), names=["a@16", "a@0", "b"])
    samples.starts[:] = [16, 0, 0]
    found = {0: [violation(0, 1)] * 2, 1: [violation(0, 1)] * 3, 2: [violation(0, 1)]}
    assert first_numbers(samples, found) == {1: 1, 0: 4, 2: 1}


def test_a_picture_names_voices_bars_rules_and_the_numbers_of_violations(tmp_path):
    sample = piece("pickup=1 G4:0-4 A4:4-8 | C4:0-4 D4:4-8 | rest | C3:0-60")
    found = {
        0: [violation(4, 1, 67, 69, 60, 62), violation(6, 20, 48, rule="durations"), violation(0, 64, rule="ends")]
    }
    picture_music.write(tmp_path / "a.svg", sample, found, 1)
    texts = words(tmp_path / "a.svg")
    for text in ("soprano", "bass", "pickup", "bar 1", "bar 4", "parallels", "durations", "as a whole: 3 ends"):
        assert text in texts
    assert texts.count("1") == texts.count("2") == 1
    assert "sample-0, from pickup beat 4: 3 violations" in texts


def test_numbers_at_one_step_stand_in_lines_of_their_own(tmp_path):
    marks = [picture_music.Mark(number, violation(8, 1, 60)) for number in (98, 99, 100)]
    marks.append(picture_music.Mark(101, violation(40, 1, 60)))
    sample = piece()
    (system,) = picture_music.systems_of(sample, 0)
    lanes = picture_music._lanes(marks, system, sample)
    assert [[mark.number for mark in row] for row in lanes["parallels"]] == [[98, 101], [99], [100]]


@pytest.mark.parametrize("suffix", formats.PICTURES)
def test_samples_with_nothing_to_mark_are_drawn_too(tmp_path, suffix):
    samples = batch(["rest", "C4:0-4 | E3:0-4", "C4:0-16"])
    picture_music.write(tmp_path / f"a{suffix}", samples, {0: [], 1: [], 2: []}, 3)
    assert (tmp_path / f"a{suffix}").stat().st_size > 1000


def test_a_picture_of_a_long_piece_says_what_it_leaves_out(tmp_path, monkeypatch):
    monkeypatch.setattr(picture_music, "MAX_SYSTEMS", 3)
    sample = piece(steps=80 * (picture_music.MAX_SYSTEMS + 2))
    picture_music.write(tmp_path / "a.svg", sample, {0: []}, 1)
    assert "2 more systems are not drawn" in words(tmp_path / "a.svg")


@pytest.fixture(scope="module")
def spec():
    rules = learn_rules(batch(chorale_like(0, 20)), {name: {} for name in rules_for("piano-roll")})
    return small_spec(view=PianoRollView(window=16), rules=rules, calibration=None)


def test_rules_offer_what_they_learned_as_panels(spec):
    panels = {rule.name(): list(rule.panels()) for rule in spec.rules}
    (graph,), (ranges,) = panels["chroma-transitions"], panels["voice-ranges"]
    (durations,), (pitches,) = panels["durations"], panels["pitch-range"]
    assert graph.edges["C E G", "C F A"] == spec.rule("chroma-transitions").transitions["C E G"]["C F A"]
    assert all(origin != target for origin, target in graph.edges)
    assert list(ranges.rows) == ["soprano", "alto", "tenor", "bass"]
    assert ranges.names[min(ranges.rows["bass"])] == "-16"
    assert ranges.axis.startswith("semitones")
    assert durations.rows["notes"] == spec.rule("durations").durations
    assert set().union(*ranges.rows.values()) == set(pitches.rows["notes"])
    assert not panels["polyphony"]


def test_a_rule_that_has_learned_nothing_has_no_panel():
    assert not [panel for _, rule in all_rules() for panel in rule().panels()]


def test_the_picture_of_a_spec_has_its_panels(spec, tmp_path):
    learned.write(spec, tmp_path / "a.svg")
    texts = words(tmp_path / "a.svg")
    for text in (
        "chroma-transitions",
        "C E G",
        "voice-ranges",
        "soprano",
        "durations",
        "pitch-range",
        "melodic-intervals",
    ):
        assert text in texts
    assert "polyphony" not in texts


def test_a_spec_with_nothing_to_draw_is_refused(spec, tmp_path):
    alone = msgspec.structs.replace(spec, rules=(spec.rule("polyphony"),))
    with pytest.raises(InputError, match=r"spec small: expected a rule that can be drawn, found polyphony"):
        learned.write(alone, tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_of_a_large_graph_the_strongest_part_that_hangs_together_is_drawn():
    chain = {(str(at), str(at + 1)): 1000 - at for at in range(100)}
    graph = charts._strongest(Graph(title="", edges=chain | {("x", "y"): 999}))
    assert "0" in graph
    assert "x" not in graph
    assert MAX_NODES - 2 <= len(graph) <= MAX_NODES


def test_nodes_of_a_graph_do_not_cover_each_other():
    rng = np.random.default_rng(0)
    points = charts._apart(charts._filling(rng.random((12, 2)), 7.6, 6.0))
    apart = np.abs(points[:, None] - points[None])
    covering = (apart[:, :, 0] < charts.NODE[0] - 1e-6) & (apart[:, :, 1] < charts.NODE[1] - 1e-6)
    assert covering.sum() == 12  # each covers itself


def test_panels_of_any_size_are_drawn(spec, tmp_path):
    many = Bars(title="many", axis="%", labels=[f"label {at}" for at in range(40)], series={"corpus": [1.0] * 40})
    single = Histograms(title="one", axis="steps", rows={"notes": {7: 1}})
    pair = Graph(title="two", edges={("a", "b"): 1})

    class Drawn:
        def name(self):
            return "drawn"

        def panels(self):
            yield from (many, single, pair)

    learned.write(msgspec.structs.replace(spec, rules=(Drawn(),)), tmp_path / "a.svg")
    texts = words(tmp_path / "a.svg")
    assert f"label {MAX_BARS - 1}" in texts
    assert f"label {MAX_BARS}" not in texts
