from dataclasses import replace

import msgspec
import numpy as np
import pytest

from tests.media import RATE, sound
from verifier.audio.read import batch_of_waves
from verifier.audio.samples import waves
from verifier.audio.view import MelView
from verifier.audio.waveform import Waves
from verifier.corpora import corpus as corpora
from verifier.data.batch import Batch
from verifier.data.medium import media
from verifier.image.features.jpeg_grid import BLOCK, FLOOR, block_grid
from verifier.image.view import ImageView
from verifier.judge.post_processing import PROCESSINGS, ProcessingSign, set_aside, signs_of
from verifier.rule.fault import fault_named, faults_for
from verifier.rule.numeric_range import NumericRange
from verifier.rule.registry import all_rules
from verifier.spec.provenance import CorpusRecord
from verifier.spec.spec import Spec
from verifier.verbs.check import judge
from verifier.verbs.learn import calibrate, learn_rules
from verifier.verbs.tallies import tally

VIEW = ImageView(height=48, width=48)
SOUNDS = MelView(sample_rate=8000, n_fft=256, hop_length=80, bands=20, window=None, full_scale=12)


def scenes(n, seed):
    """Slopes and edges with a little noise, of 8 bits."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:48, :48] / 48
    values = np.empty((n, 48, 48), np.float32)
    for picture in values:
        a, b, c = rng.uniform(-4, 4, 3)
        edge = 0.2 * (a * x + b * y > c / 2)
        scene = 0.5 + 0.15 * np.sin(a * x + b * y + c) + edge + 0.02 * rng.standard_normal((48, 48))
        picture[:] = np.rint(255 * np.clip(scene, 0, 1)) / 255
    return Batch.of(VIEW, values, names=[f"{seed}-{i}" for i in range(n)])


def spoken(n, seed):
    """Sounds of some frequencies and levels."""
    rng = np.random.default_rng(seed)
    numbers = rng.uniform([200, 0.1, 0.05], [3500, 0.2, 0.1], (n, 3))
    texts = [f"tone={f:.0f},{a:.3f} noise={b:.3f} seed={seed + i}" for i, (f, a, b) in enumerate(numbers.tolist())]
    names = [f"{seed}-{i}" for i in range(n)]
    return batch_of_waves([sound(text) for text in texts], [RATE] * n, SOUNDS, names, names, keep_source=True)


def spec_of(learned, held_out, rules):
    states, calibration = calibrate(learn_rules(learned, {name: {} for name in rules}), held_out)
    record = CorpusRecord(name="made", split=corpora.Split(), source="", licence="", pieces=1, groups=1, sha256="")
    return Spec(name="made", view=learned.view, corpus=record, rules=states, calibration=calibration)


def plant(batch, fault, dose):
    planted = fault_named(fault, batch.view.kind).plant(batch, dose, np.random.default_rng(0))
    return without_sounds(planted) if isinstance(planted.extra, Waves) else planted


def without_sounds(batch):
    """The batch as it is checked, without the recordings that faults are planted in."""
    return replace(batch, extra=replace(waves(batch), sounds=()))


def checked(spec, batch):
    return judge(spec, tally(spec, [batch]))


def test_real_pictures_that_were_jpeg_are_called_processed_and_do_not_fail():
    spec = spec_of(scenes(150, 1), scenes(60, 2), ["blockiness", "mode-shares", "co-occurrence", "upsampling-peaks"])
    real = scenes(40, 3)
    assert checked(spec, real).verdict != "fail"
    assert checked(spec, real).processed == ()
    result = checked(spec, plant(real, "jpeg", 50))
    assert [(trace.processing, trace.rule) for trace in result.processed] == [("JPEG", "blockiness")]
    assert result.verdict == "processed"
    assert result.rules["blockiness"].verdict == "fail"
    assert {rule.set_aside for rule in result.rules.values()} == {"JPEG"}
    assert result.processed[0].words().startswith("looks like JPEG: in ")


def test_what_a_generator_grew_by_repetition_is_no_jpeg():
    spec = spec_of(scenes(150, 1), scenes(60, 2), ["blockiness", "upsampling-peaks"])
    grown = scenes(40, 3)
    for period in (2, 4):
        small = grown.values[:, ::period, ::period]
        result = checked(spec, grown.with_values(small.repeat(period, axis=1).repeat(period, axis=2)))
        assert result.processed == ()
        assert result.verdict == "fail"


@pytest.mark.parametrize(
    ("fault", "dose", "processing", "above"),
    [
        ("band-limited", 0.5, "band limit", False),
        ("quieter", 24, "loudness change", False),
        ("louder", 12, "loudness change", True),
        ("clipped", 6, "clipping", True),
    ],
)
def test_what_was_done_to_real_sounds_is_named(fault, dose, processing, above):
    spec = spec_of(spoken(60, 1000), spoken(40, 2000), ["bandwidth", "dynamics"])
    result = checked(spec, plant(spoken(25, 3000), fault, dose))
    found = {trace.processing: trace.above for trace in result.processed}
    assert found[processing] is above
    assert result.verdict != "fail"


def test_a_number_that_may_go_either_way_is_traced_on_the_side_that_more_samples_have():
    spec = spec_of(spoken(60, 1000), spoken(40, 2000), ["dynamics"])
    real = spoken(20, 3000)
    louder, quieter = (tally(spec, [plant(real, fault, 20)]).rules["dynamics"].kinds for fault in ("louder", "quieter"))
    rules = spec.rules
    assert [(found.processing, found.above) for found in signs_of(rules, {"dynamics": louder}, 20)][-1] == (
        "loudness change",
        True,
    )
    both = louder.merge(quieter).merge(quieter)
    change = next(found for found in signs_of(rules, {"dynamics": both}, 60) if found.processing == "loudness change")
    assert not change.above
    assert change.share == pytest.approx(40 / 60, abs=0.01)


def test_rules_that_do_not_survive_what_was_found_are_set_aside_and_named_with_it():
    rules = spec_of(spoken(30, 1000), spoken(30, 2000), ["bandwidth", "dynamics"]).rules
    trace = ProcessingSign(
        processing="band limit", rule="bandwidth", number="cut-off", share=1, real=0.005, above=False
    )
    unknown = msgspec.structs.replace(trace, processing="theft")
    assert set_aside(rules, [trace])["bandwidth"] == "band limit"
    assert set_aside(rules, [trace, unknown])["bandwidth"] == "band limit and theft"
    assert set_aside(rules, []) == {}
    assert "dynamics" not in set_aside(rules, [trace])
    assert set_aside(rules, [unknown])["dynamics"] == "theft"


def test_every_processing_has_a_trace_and_faults_to_measure_it_by_and_no_rule_survives_another():
    traced = {
        processing
        for _, rule in all_rules()
        if issubclass(rule, NumericRange)
        for processing, _ in rule.traces.values()
    }
    assert traced == set(PROCESSINGS)
    known = {fault.name: fault for kind in media() for fault in faults_for(kind).values()}
    for faults in PROCESSINGS.values():
        for fault, dose in faults:
            known[fault].require(dose)
    for kind, rule in all_rules():
        name = f"{rule.name()} of {kind}"
        assert set(rule.survives) <= traced, name
        if issubclass(rule, NumericRange):
            for number, (processing, side) in rule.traces.items():
                assert rule().axis(rule().index(number)).name == number
                assert side in (-1, 0, 1)
                assert processing not in rule.survives, f"{name} betrays {processing}"


def test_the_grid_is_as_strong_as_the_steps_it_was_made_of():
    step = 0.2
    blocks = np.repeat(np.repeat(np.indices((6, 6)).sum(axis=0) % 2, BLOCK, axis=0), BLOCK, axis=1)
    picture = (0.4 + step * blocks)[None].astype(np.float32)
    # A step of 0.2 is all of the jump at a boundary, and there is none at a distance of two pixels or more.
    grid = block_grid(picture)
    assert grid.best[0] == grid.aligned[0]
    assert grid.best[0] == pytest.approx(20 * np.log10((2 * step + FLOOR) / FLOOR), abs=0.01)
    moved = block_grid(picture[:, 3:, 6:])
    assert (moved.line.tolist(), moved.column.tolist()) == ([5], [2])
    assert moved.best[0] == pytest.approx(grid.best[0], abs=0.01)
    assert np.isnan(block_grid(picture[:, :10]).best[0])
