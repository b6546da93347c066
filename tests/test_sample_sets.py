import numpy as np
import pytest

from verifier.base.errors import InputError
from verifier.corpora import corpus as corpora
from verifier.corpora import manifest, sample_sets
from verifier.corpora.corpus import Corpus, Provenance
from verifier.corpora.sample_sets import PARTS, choose, open_samples
from verifier.data.batch import concatenate
from verifier.music.edits import BASELINES
from verifier.music.notes import Notes
from verifier.music.piano_roll import batch_of
from verifier.music.view import PianoRollView
from verifier.spec.provenance import CorpusRecord, Split

VIEW = PianoRollView(window=8)
OF_VOICES = ("parallel-fifths", "swapped-voices", "wrong-duration")
"""The baselines that edit voices, of which the small corpus has none."""


def piece(i):
    rng = np.random.default_rng(i)
    m = 20 + i
    onsets = np.arange(m) / 2
    return Notes(
        name=f"piece {i}",
        group=f"piece {i // 2 * 2}",
        onsets=onsets,
        ends=onsets + 0.5,
        pitches=rng.integers(40, 90, m),
        parts=np.zeros(m, np.int64),
    )


CORPUS = Corpus(
    "small",
    Provenance(source="", licence="", pieces=20, groups=10, sha256="a" * 64),
    [piece(i) for i in range(20)],
)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Make the name "small" that of CORPUS."""
    sample_sets._loaded.cache_clear()
    bach = corpora.names()[0]
    monkeypatch.setattr(corpora, "load", lambda name, view: {"small": CORPUS}[name])
    for module in (manifest, sample_sets):
        monkeypatch.setattr(module, "manifests", lambda: [type(bach)(**{**vars_of(bach), "name": "small"})])
    yield
    sample_sets._loaded.cache_clear()


def vars_of(struct):
    return {field: getattr(struct, field) for field in struct.__struct_fields__}


def record(sha256="a" * 64, **split):
    return CorpusRecord(name="small", source="", licence="", pieces=20, groups=10, sha256=sha256, split=Split(**split))


def read(path, **options):
    samples = open_samples(path, VIEW, **options)
    return concatenate(VIEW, list(samples.batches()))


@pytest.mark.parametrize("part", PARTS)
def test_every_part_has_the_samples_that_it_says(part):
    samples = open_samples(f"small:{part}", VIEW)
    batch = concatenate(VIEW, list(samples.batches()))
    assert samples.label == f"small:{part}"
    assert samples.total == len(batch) > 0
    assert not samples.unreadable
    assert all(np.array_equal(*pair) for pair in zip(read(f"small:{part}").values, batch.values, strict=True))


def test_the_parts_are_those_of_the_split_of_the_spec():
    for seed in range(3):
        split = {"learn": 0.5, "hold_out": 0.5, "seed": seed}
        learned, held_out = corpora.split(CORPUS, Split(**split))
        assert set(read("small:learn", record=record(**split)).groups) == {p.group for p in learned}
        assert set(read("small:hold-out", record=record(**split), seed=7).groups) == {p.group for p in held_out}
    assert len(read("small:all")) == len(read("small:learn")) + len(read("small:hold-out"))


def test_the_windows_are_those_of_the_pieces_however_many_go_into_a_batch(monkeypatch):
    whole = batch_of(CORPUS.pieces, VIEW)
    for at_once in (1, 7, 10_000):
        monkeypatch.setattr(sample_sets, "WINDOWS_AT_ONCE", at_once)
        batch = read("small:all")
        assert list(batch.names) == list(whole.names)
        assert np.array_equal(batch.values, whole.values)


@pytest.mark.parametrize("view", [PianoRollView(window=None), PianoRollView(window=7, remainder="drop")])
def test_the_total_is_right_under_every_view(view):
    samples = open_samples("small:all", view)
    assert samples.total == sum(len(batch) for batch in samples.batches()) == len(batch_of(CORPUS.pieces, view))


@pytest.mark.parametrize("part", [name for name in BASELINES if name not in OF_VOICES])
def test_a_baseline_pairs_up_with_the_hold_out_part(part):
    real, made = read("small:hold-out", limit=9, seed=3), read(f"small:{part}", limit=9, seed=3)
    assert list(real.names) == list(made.names)
    assert not np.array_equal(real.values, made.values)
    assert not np.array_equal(made.values, read(f"small:{part}", limit=9, seed=4).values)


def test_a_limit_takes_a_random_choice_without_replacement():
    every = list(read("small:all").names)
    some = list(read("small:all", limit=30, seed=1).names)
    assert len(set(some)) == len(some) == 30
    assert some == sorted(some, key=every.index) != every[:30]
    assert some != list(read("small:all", limit=30, seed=2).names)
    assert list(read("small:all", limit=10_000).names) == every


def test_choices_rise_and_are_fixed_by_the_seed():
    assert choose(5, 9, 0).tolist() == [0, 1, 2, 3, 4]
    assert choose(100, 4, 0).tolist() == choose(100, 4, 0).tolist() == sorted(set(choose(100, 4, 0).tolist()))


def test_content_that_has_changed_since_the_spec_is_said(capfd):
    read("small:all", record=record("b" * 64))
    read("small:hold-out", record=record())
    assert capfd.readouterr().err == ""
    read("small:hold-out", record=record("b" * 64))
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("warning: small:hold-out: the content has changed")


def test_a_corpus_is_loaded_once_for_all_columns(monkeypatch):
    loaded = []
    monkeypatch.setattr(corpora, "load", lambda name, view: loaded.append(name) or CORPUS)
    read("small:all")
    read("small:one-note")
    assert loaded == ["small"]


def test_an_unknown_part_is_refused_with_the_parts():
    with pytest.raises(InputError, match=r"expected a part of small \(learn, hold-out, .*one-note.*found 'nonsense'"):
        open_samples("small:nonsense", VIEW)


@pytest.mark.parametrize("path", ["missing.mid", "missing/folder", "nobody:hold-out", "small", "", ":", ":all"])
def test_a_path_that_is_nothing_is_refused_with_what_there_is(path):
    with pytest.raises(
        InputError,
        match=r"no such file or folder, no score of music21, and no CORPUS:PART \(corpora: small; parts: learn",
    ):
        open_samples(path, VIEW)


def test_a_part_without_a_window_is_refused():
    with pytest.raises(InputError, match="expected at least one window, found none in 0 of 20 pieces"):
        open_samples("small:hold-out", VIEW, record(learn=1, hold_out=0))


def midi(pitches):
    events = b"".join(bytes([0, 0x90, p, 64, 96, 0x80, p, 0]) for p in pitches) + b"\x00\xff\x2f\x00"
    return b"MThd\0\0\0\6\0\0\0\1\0\x60" + b"MTrk" + len(events).to_bytes(4, "big") + events


@pytest.mark.parametrize("written", ["a:all.mid", "*.mid", "."])
def test_existing_files_folders_and_globs_are_files(tmp_path, written):
    pytest.importorskip("symusic")
    (tmp_path / "a:all.mid").write_bytes(midi([60, 62, 64, 65]))
    batch = read(str(tmp_path / written))
    assert len(batch) == 2
    assert batch.values.sum() == 4 * 4


def test_a_folder_is_a_corpus_of_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(corpora, "load", lambda name, view: CORPUS)
    assert len(read(f"{tmp_path}:learn")) == len(read("small:learn"))
