import functools
import io

import msgspec
import numpy as np
import pytest
from matplotlib import image
from msgspec import structs
from rich.console import Console

from tests import rolls
from verifier.base.errors import InputError
from verifier.corpora import corpus as corpora
from verifier.data.batch import Batch
from verifier.music.view import PianoRollView
from verifier.report import formats
from verifier.report import power as report
from verifier.rule.fault import faults_for
from verifier.spec.provenance import CorpusRecord
from verifier.spec.spec import Spec
from verifier.verbs import power
from verifier.verbs.learn import calibrate, learn_folds, learn_rules
from verifier.verbs.power import PowerTable, blind_spots, blind_words, learning_curve, trials

VIEW = PianoRollView(lowest_pitch=48, pitches=24, window=16)
RULES = {"chroma-transitions": {}, "polyphony": {}, "pitch-range": {}}


def tonal(pieces, seed, notes=(0, 4, 5, 7, 9, 12)):
    """Pieces of four windows each, which hold two of a few pitches for four steps at a time."""
    rng = np.random.default_rng(seed)
    values = np.zeros((4 * pieces, 24, 16), np.bool_)
    for roll in values:
        for step in range(0, 16, 4):
            roll[rng.choice(notes, 2, replace=False), step : step + 4] = True
    names = [f"{seed}.{piece}[{i}]" for piece in range(pieces) for i in range(4)]
    return Batch.of(VIEW, values, names=names, groups=[name.split("[")[0] for name in names])


@functools.cache
def parts():
    return tonal(40, 1), tonal(20, 2)


@functools.cache
def spec():
    rules, calibration = calibrate(learn_rules(parts()[0], RULES), parts()[1])
    record = CorpusRecord(name="tonal", split=corpora.Split(), source="", licence="", pieces=60, groups=60, sha256="")
    return Spec(name="tonal", view=VIEW, corpus=record, rules=rules, calibration=calibration)


@functools.cache
def found() -> PowerTable:
    return power.power(spec(), parts()[1], faults=["moved", "half-transposed", "softened"])


def row(table, fault, dose):
    return next(row for row in table.rows if (row.fault, row.dose) == (fault, dose))


def test_a_fault_that_breaks_a_rule_is_caught_by_it_and_more_so_at_a_larger_dose():
    one, three = row(found(), "moved", 1), row(found(), "moved", 3)
    assert three.caught.best() == one.caught.best() == "chroma-transitions"
    assert one.caught.rules["chroma-transitions"].share > 0.2
    assert three.caught.rules["chroma-transitions"].share > 0.5
    assert three.caught.combined.share > one.caught.combined.share + 0.2
    assert three.auroc.share > one.auroc.share > 0.8
    assert three.auroc.low <= three.auroc.share <= three.auroc.high
    assert three.planted == 1
    assert three.caught.rules["polyphony"].share <= 0.1


def test_unedited_samples_are_caught_at_about_the_level_and_the_pieces_are_counted_once():
    table = found()
    assert table.real.combined.share <= 0.1
    assert (table.samples, table.pieces) == (80, 20)
    assert table.rules() == tuple(RULES)


def test_what_no_rule_sees_is_a_blind_spot_in_words():
    # Values that stay on their side of the threshold mean nothing to rules about notes.
    spots = [(spot.fault, spot.dose) for spot in blind_spots(found())]
    assert [spot for spot in spots if spot[0] == "softened"] == [
        ("softened", dose) for dose in (0.0001, 0.001, 0.01, 0.1)
    ]
    assert ("moved", 3) not in spots
    said = "no rule sees values away from 0 and 1 at any dose tried, 0.0001, 0.001, 0.01 or 0.1 (mean distance)"
    assert any(line.startswith(said) for line in blind_words(found()))


def test_a_fault_has_the_same_power_whatever_else_is_planted_and_however_often():
    alone = power.power(spec(), parts()[1], faults=["moved"])
    assert alone.rows == tuple(each for each in found().rows if each.fault == "moved")
    assert alone.real == found().real
    assert power.power(spec(), parts()[1], faults=["moved"], seed=1).rows != alone.rows


def test_a_sample_is_changed_if_its_values_or_the_notes_of_its_voices_are():
    texts = ["C5:0-4 D5:4-8 | C4:0-8", "C5:0-8 | C4:0-8", "C5:0-8 C4:0-8"]
    real = rolls.batch(texts)
    exchanged = rolls.batch(["C5:0-4 C4:4-8 | C4:0-4 D5:4-8", *texts[1:]])
    assert np.array_equal(exchanged.values, real.values)
    attacked = rolls.batch([texts[0], "C5:0-8 | C4:0-4 C4:4-8", texts[2]])
    unvoiced = real.with_values(real.values)
    beyond = rolls.batch(texts)
    beyond.lengths[:] = 8
    late = rolls.batch([f"{text} E4:8-9" for text in texts])
    found = [power._changed(real, edited).tolist() for edited in (real, exchanged, attacked, unvoiced, late)]
    changed = [[at for at, different in enumerate(row) if different] for row in found]
    assert changed == [[], [0], [1], [0, 1], [0, 1, 2]]
    assert not power._changed(beyond, late).any()


def test_every_piece_is_in_one_part_and_without_learned_pieces_the_calibration_in_the_spec_has_no_share_in_it():
    other = structs.replace(spec(), calibration=None)
    assert power.power(other, parts()[1], faults=["moved"], doses=[1]).rows == (row(found(), "moved", 1),)
    for dealing in range(3):
        of_sample = power._parts(parts()[1].groups, 0, dealing)
        members = [set(np.array(parts()[1].groups)[of_sample == part]) for part in range(power.PARTS)]
        assert [len(groups) for groups in members] == [4] * power.PARTS
        assert len(set.union(*members)) == 20
        assert not np.array_equal(of_sample, power._parts(parts()[1].groups, 0, dealing + 3))


def test_samples_are_ranked_among_the_learned_pieces_too_by_what_the_others_taught():
    learned, held_out = parts()
    states, folds = learn_folds(learned, RULES)
    rules, calibration = calibrate(states, held_out, folds)
    of_learned = power._of_learned(calibration)
    assert of_learned.samples == [4] * 40
    assert len(of_learned.scores["polyphony"]) == 160
    assert len(of_learned.counts["polyphony"].trials) == 40
    assert power._of_learned(spec().calibration) is None
    full = structs.replace(spec(), rules=rules, calibration=calibration)
    # The held-out pieces give 64 of the 99 samples that a level of 1 % needs.
    with pytest.raises(InputError, match="calibrated with 64"):
        power.power(spec(), held_out, faults=["moved"], alpha=0.01)
    found = power.power(full, held_out, faults=["moved"], alpha=0.01)
    assert row(found, "moved", 3).caught.combined.share > 0.3
    assert found.real.combined.share <= 0.05


def test_a_users_own_samples_are_ranked_in_the_calibration_of_the_spec_batch_by_batch():
    own = tonal(10, 3)
    table = power.power(spec(), iter([own.take(range(20)), own.take(range(20, 40))]), faults=["moved"], crossed=False)
    assert (table.samples, table.pieces, table.crossed) == (40, 10, False)
    assert row(table, "moved", 3).caught.combined.share > 0.6
    assert table.real.combined.share < 0.2


def test_the_auroc_is_the_share_of_pairs_in_order_with_ties_counting_half():
    rng = np.random.default_rng(0)
    edited, real = rng.integers(0, 6, 40) / 10, rng.integers(0, 9, 40) / 10
    groups = [str(i // 4) for i in range(40)]
    pairs = (edited[:, None] < real).mean() + 0.5 * (edited[:, None] == real).mean()
    assert power._auroc(edited, real, np.zeros(40, np.int64), groups).share == pytest.approx(pairs)
    # Blocks are not compared with each other: here the second is on another scale.
    twice = power._auroc(
        np.concatenate([edited, edited + 5]), np.concatenate([real, real + 5]), np.repeat([0, 1], 40), groups * 2
    )
    assert twice.share == pytest.approx(pairs)


def test_the_interval_of_the_auroc_covers_it_as_often_as_it_says():
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(300):
        shift = np.repeat(rng.normal(size=25), 4)  # samples of a group resemble each other
        edited, real = shift + rng.normal(size=100) - 1, shift + rng.normal(size=100)
        area = power._auroc(edited, real, np.zeros(100, np.int64), [str(i // 4) for i in range(100)])
        covered += area.low <= 0.6915 <= area.high  # Phi(1 / 2): two draws of variance 2 each
    assert 0.9 < covered / 300 < 0.99


def test_a_learning_curve_knows_more_from_more_pieces():
    learned, held_out = parts()
    curve = learning_curve("tonal", learned, held_out, RULES, pieces=[2, 40], faults=[("moved", 1)], orders=2)
    few, all_ = (row(curve[count], "moved", 1).auroc.share for count in (2, 40))
    assert all_ > few
    assert curve[40].samples == 80
    with pytest.raises(InputError, match="expected 1 to 40 pieces to learn from, found 41"):
        learning_curve("tonal", learned, held_out, RULES, pieces=[41], faults=[("moved", 1)])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"faults": ["nought"]}, "--fault: expected a fault for a piano-roll .added, .*found 'nought'"),
        ({"faults": ["moved", "moved"]}, "--fault: moved is named twice"),
        ({"faults": ["jpeg"]}, "--fault: expected a fault for a piano-roll .*found 'jpeg'"),
        ({"doses": [1.5]}, "dose of added: expected a whole number"),
        ({"doses": [0.0]}, "--dose: a dose of 0 plants nothing"),
        ({"alpha": 0.001}, "--alpha: a level of 0.001 needs 999 held-out samples of other pieces"),
    ],
)
def test_what_cannot_be_done_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        power.power(spec(), parts()[1], **change)


def test_samples_that_cannot_serve_are_refused():
    with pytest.raises(InputError, match="expected two held-out pieces or more"):
        power.power(spec(), tonal(1, 5))
    with pytest.raises(InputError, match="no real sample"):
        power.power(spec(), [], crossed=False)
    other = Batch.of(PianoRollView(lowest_pitch=36, pitches=24, window=16), parts()[1].values)
    with pytest.raises(InputError, match="lowest-pitch 48 against 36"):
        power.power(spec(), other)
    with pytest.raises(InputError, match="no scores of held-out data"):
        power.power(structs.replace(spec(), calibration=None), parts()[1], crossed=False)


def test_the_doses_given_replace_those_of_each_fault_in_rising_order():
    assert [(fault.name, dose) for fault, dose in trials(["removed", "moved"], [3, 1, 3], "piano-roll")] == [
        ("removed", 1),
        ("removed", 3),
        ("moved", 1),
        ("moved", 3),
    ]


def wide(names):
    """A table in which every rule of these names speaks."""
    share = power.Share(share=0.5, low=0.4, high=0.6)
    caught = power.Caught(rules=dict.fromkeys(names, share), combined=share)
    rows = tuple(
        power.PowerRow(fault="moved", dose=dose, unit="notes per sample", planted=1, caught=caught, auroc=share)
        for dose in (1.0, 2.0)
    )
    return structs.replace(found(), real=caught, rows=rows)


@pytest.mark.parametrize("table", [found(), wide([f"rule-number-{i}" for i in range(30)])])
def test_the_table_fits_into_120_columns_and_says_what_it_leaves_out(table):
    out = Console(width=200, record=True, file=io.StringIO())
    report.print_power(out, table)
    text = out.export_text()
    grid = text.split("\n\ndoses:")[0].splitlines()[1:]
    assert max(len(line.rstrip()) for line in grid) <= report.WIDTH
    for name in table.rules():
        assert name in text or all(part in text for part in name.split("-"))


def test_rules_that_no_fault_of_the_medium_moves_are_proposed_to_be_left_out():
    table = wide(["accidentals", "cadences"])
    nothing = power.Share(share=0.05, low=0.0, high=0.1)
    caught = power.Caught(rules={"accidentals": table.real.combined, "cadences": nothing}, combined=nothing)
    every = [structs.replace(table.rows[0], fault=name, caught=caught) for name in faults_for("piano-roll")]
    line = "no planted fault moves cadences"
    for rows, proposed in ((every, True), (every[1:], False)):
        out = Console(width=200, record=True, file=io.StringIO())
        report.print_power(out, structs.replace(table, real=caught, rows=tuple(rows)))
        text = out.export_text()
        assert (line in text) == (text.count("learn with --skip cadences") == 1) == proposed


def test_reports_are_written_in_the_format_of_their_suffix_and_the_json_reads_back(tmp_path):
    for suffix in formats.suffixes("power"):
        formats.require_formats([tmp_path / f"power{suffix}"], "power")
        formats.write(found(), tmp_path / f"power{suffix}")
    assert msgspec.json.decode((tmp_path / "power.json").read_bytes(), type=PowerTable) == found()
    assert "| moved | 3 notes per sample | 100% | **" in (tmp_path / "power.md").read_text()
    assert image.imread(tmp_path / "power.png").shape[1] > 600
    with pytest.raises(InputError, match=r"expected a report with a suffix of \.json, \.csv, \.md"):
        formats.require_formats([tmp_path / "power.html"], "power")


def test_markdown_tables_have_as_many_cells_in_each_row():
    curve = {20: found(), 40: found()}
    for text in (report.markdown(found()), report.summary(found()), report.curve_markdown(curve)):
        assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1


def test_the_same_table_gives_the_same_picture(tmp_path):
    for name in ("a.png", "b.png"):
        formats.write(found(), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
