import importlib
import importlib.metadata
import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from pkgutil import iter_modules
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from music21 import converter

from verifier.base.errors import InputError
from verifier.corpora import cache, loaders
from verifier.corpora import corpus as corpora
from verifier.corpora.corpus import Corpus, Provenance, split
from verifier.corpora.loaders import folk, monteverdi, palestrina, scores
from verifier.corpora.manifest import Package
from verifier.data.medium import view_of
from verifier.music import duplicates
from verifier.music.archive import digest, pack, unpack
from verifier.music.notes import Notes
from verifier.music.piano_roll import batch_of
from verifier.music.read.score import notes_of_stream
from verifier.music.samples import music
from verifier.music.view import PianoRollView
from verifier.spec.provenance import Split

ROOT = Path(__file__).parents[1]
BACH = "35ff577d61a9c4668bb9750f1ab1dee6d08d8eb0db706d8a1536fa9c1ec32287"


def piece(name, pitches=(60, 62, 64, 65, 67, 69, 71, 72, 71, 70), group=None):
    onsets = np.arange(len(pitches), dtype=np.float64) / 3
    return Notes(
        name=name,
        group=name if group is None else group,
        onsets=onsets,
        ends=onsets + 1 / 3,
        pitches=np.array(pitches, np.int64),
        parts=np.zeros(len(pitches), np.int64),
        meter=3.0,
    )


def corpus_of(groups):
    pieces = [piece(f"{group}.{i}", group=group) for i, group in enumerate(groups)]
    provenance = Provenance(source="", licence="", pieces=len(pieces), groups=len(set(groups)), sha256="")
    return Corpus("test", provenance, pieces)


def same(a, b):
    return a.group == b.group and digest([a]) == digest([b])


# Split

group_names = st.lists(st.text(max_size=3), max_size=40)


@given(groups=group_names, seed=st.integers(), hold_out=st.floats(0, 1))
def test_no_group_is_on_both_sides_and_no_piece_is_lost(groups, seed, hold_out):
    corpus = corpus_of(groups)
    learned, held_out = split(corpus, Split(learn=1 - hold_out, hold_out=hold_out, seed=seed))
    assert not {p.group for p in learned} & {p.group for p in held_out}
    assert sorted(p.name for p in [*learned, *held_out]) == sorted(p.name for p in corpus.pieces)
    held, n = len({p.group for p in held_out}), len(set(groups))
    if n > 1:
        assert abs(held - n * hold_out) <= 1
        assert (held > 0) == (hold_out > 0)
        assert (held < n) == (hold_out < 1)


def test_the_split_is_the_same_everywhere_and_follows_the_seed():
    corpus = corpus_of([f"g{i}" for i in range(20)])
    assert [p.group for p in split(corpus)[1]] == ["g0", "g1", "g8", "g16"]
    assert split(corpus, Split(seed=1))[1] != split(corpus)[1]


def test_the_order_of_the_pieces_does_not_matter_to_the_split():
    corpus = corpus_of([f"g{i}" for i in range(20)])
    backwards = replace(corpus, pieces=corpus.pieces[::-1])
    assert {p.group for p in split(corpus)[1]} == {p.group for p in split(backwards)[1]}


def test_shares_that_do_not_add_up_are_refused():
    with pytest.raises(msgspec.ValidationError, match="do not add up to 1"):
        msgspec.convert({"learn": 0.8, "hold-out": 0.3}, Split)
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert({"holdout": 0.3}, Split)


# Content


def test_the_digest_sees_each_note_and_name_but_not_the_order_of_the_notes():
    a = piece("a")
    order = np.random.default_rng(0).permutation(len(a.onsets))
    columns = {key: getattr(a, key)[order] for key in ("onsets", "ends", "pitches", "parts")}
    assert digest([replace(a, **columns)]) == digest([a])
    others = [
        [replace(a, name="b")],
        [replace(a, meter=4.0)],
        [replace(a, pitches=a.pitches + 1)],
        [replace(a, onsets=a.onsets + 1)],
        [replace(a, parts=a.parts + 1)],
        [a, a],
        [],
    ]
    assert len({digest(pieces) for pieces in [[a], *others]}) == len(others) + 1


def test_the_digest_does_not_see_how_a_third_was_added_up():
    a = piece("a")
    assert digest([replace(a, onsets=a.onsets + 1e-12)]) == digest([a])


def test_packed_pieces_come_back():
    pieces = [piece("a"), replace(piece("b", [1]), group="a"), piece("ü\udce9")]
    assert all(same(a, b) for a, b in zip(pieces, unpack(pack(pieces)), strict=True))
    assert unpack(pack([])) == []


# Cache


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("VERIFIER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def never():
    raise AssertionError("made although it is in the cache")


def fresh():
    return [piece("a"), piece("b")]


def run(folder, *programs):
    """Run programs at once, each with ``cached`` and ``piece``; returns their exit codes."""
    start = f"""
        import os, signal, sys, time
        sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tests")!r}]
        from test_corpora import piece
        from verifier.corpora.cache import cached
        """
    environment = {**os.environ, "VERIFIER_CACHE": str(folder)}
    running = [
        subprocess.Popen([sys.executable, "-c", textwrap.dedent(start) + textwrap.dedent(program)], env=environment)
        for program in programs
    ]
    return [process.wait(60) for process in running]


def test_what_was_made_once_is_read_the_next_time(folder, capfd):
    made = cache.cached("key 1/2", fresh)
    again = cache.cached("key 1/2", never)
    assert all(same(a, b) for a, b in zip(made, again, strict=True))
    assert [path.name for path in folder.glob("*.npz")] == ["key_1_2.npz"]
    assert capfd.readouterr().err == ""


def test_another_key_is_made_anew(folder):
    cache.cached("key-1", fresh)
    assert [p.name for p in cache.cached("key-2", lambda: [piece("c")])] == ["c"]


def broken_files():
    yield "empty", lambda path: path.write_bytes(b"")
    yield "truncated", lambda path: path.write_bytes(path.read_bytes()[:-200])
    yield "cut in half", lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    yield "text", lambda path: path.write_text("not an archive")
    yield "pickle", lambda path: path.write_bytes(b"\x80\x04N.")
    yield "objects", lambda path: np.savez(path, **{**pack(fresh()), "names": np.array([{}, {}], object)})
    yield "array", lambda path: np.save(path, np.arange(3)) or path.with_suffix(".npz.npy").replace(path)
    yield "key missing", lambda path: np.savez(path, names=np.array(["a"]))
    yield "notes missing", lambda path: np.savez(path, **{**pack(fresh()), "parts": np.zeros(3, np.int64)})
    yield "piece missing", lambda path: np.savez(path, **{**pack(fresh()), "names": np.array(["a"])})
    yield "negative count", lambda path: np.savez(path, **{**pack(fresh()), "counts": np.array([-5, 25])})

    def one_byte(path):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0xFF
        path.write_bytes(data)

    def seems_encrypted(path):
        data = bytearray(path.read_bytes())
        data[data.index(b"PK\x01\x02") + 8] |= 1
        path.write_bytes(data)

    yield "one byte", one_byte
    yield "seems encrypted", seems_encrypted


@pytest.mark.parametrize("damage", [pytest.param(damage, id=name) for name, damage in broken_files()])
def test_a_broken_file_is_made_anew(folder, damage):
    cache.cached("key", fresh)
    damage(folder / "key.npz")
    assert [p.name for p in cache.cached("key", fresh)] == ["a", "b"]
    assert [p.name for p in cache.cached("key", never)] == ["a", "b"]


@pytest.mark.parametrize("when", ["making", "writing"])
def test_a_process_that_was_killed_leaves_nothing_in_the_way(folder, when):
    kill = "os.kill(os.getpid(), signal.SIGKILL)"
    making = f"cached('key', lambda: {kill})"
    writing = f"os.fsync = lambda file: {kill}\ncached('key', lambda: [piece('a')])"
    assert run(folder, making if when == "making" else writing) == [-9]
    assert bool(list(folder.glob("*.tmp"))) == (when == "writing")
    assert len(cache.cached("key", fresh)) == 2
    assert len(cache.cached("key", never)) == 2
    assert not list(folder.glob("*.tmp"))


def test_of_processes_at_once_one_makes_the_pieces(folder, tmp_path):
    log = tmp_path / "log"
    program = f"""
        def make():
            with open({str(log)!r}, "a") as file:
                file.write("made ")
            time.sleep(0.5)
            return [piece("a")]
        assert len(cached("key", make)) == 1
        """
    assert run(folder, program, program, program) == [0, 0, 0]
    assert log.read_text() == "made "


def test_a_folder_that_cannot_be_made_costs_a_warning(tmp_path, monkeypatch, capfd):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("VERIFIER_CACHE", str(tmp_path / "file" / "cache"))
    assert len(cache.cached("key", fresh)) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("warning: nothing is kept in the cache ")


def test_a_disk_that_is_full_costs_a_warning_and_leaves_no_file(folder, monkeypatch, capfd):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert len(cache.cached("key", fresh)) == 2
    assert "No space left on device" in capfd.readouterr().err
    assert [path.suffix for path in folder.iterdir()] in ([".lock"], [])


def test_a_file_in_a_folder_that_cannot_be_written_to_is_read(folder, monkeypatch):
    cache.cached("key", fresh)
    monkeypatch.setattr(cache.filelock, "FileLock", never)
    assert len(cache.cached("key", never)) == 2


def test_what_making_raises_passes_on_and_releases_the_lock(folder):
    def fails():
        raise InputError("corpus", "cannot be read")

    with pytest.raises(InputError, match="cannot be read"):
        cache.cached("key", fails)
    assert len(cache.cached("key", fresh)) == 2


# Known corpora


@pytest.fixture
def known(folder, monkeypatch):
    """Make ``load`` know a corpus "small" of two pieces of one work, that comes with a package that is installed."""
    bach = corpora.names()[0]
    content = [piece("a"), piece("b", [55, 57, 59, 60, 62, 64, 66, 67, 66, 65])]
    loader = SimpleNamespace(VERSION=1, read=lambda progress: content)

    def install(**changes):
        manifest = msgspec.structs.replace(
            bach, name="small", loader="small", sha256=digest(content), pieces=2, groups=1, **changes
        )
        monkeypatch.setattr(corpora, "manifests", lambda: [manifest])
        monkeypatch.setitem(sys.modules, "verifier.corpora.loaders.small", loader)
        return loader

    return install


def test_a_corpus_has_groups_and_provenance(known, capfd):
    loader = known()
    corpus = corpora.load("small")
    assert [p.group for p in corpus.pieces] == ["a", "a"]
    version = importlib.metadata.version("music21")
    assert corpus.provenance.source == f"music21 {version}, {corpora.names()[0].title}"
    assert (corpus.provenance.pieces, corpus.provenance.groups) == (2, 1)
    loader.read = never
    assert corpora.load("small").provenance == corpus.provenance
    assert capfd.readouterr().err == ""


def test_the_cache_follows_the_versions(known):
    loader = known()
    corpora.load("small")
    loader.read, loader.VERSION = lambda progress: [piece("new")], 2
    assert [p.name for p in corpora.load("small").pieces] == ["new"]


def test_other_content_than_described_is_said_and_recorded(known, capfd):
    loader = known(source=Package(package="music21", version="0.1"))
    loader.read = lambda progress: [piece("other")]
    corpus = corpora.load("small")
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("warning: small: music21 ")
    assert "as from music21 0.1" in line
    assert corpus.provenance.sha256 == digest([piece("other")])
    assert corpus.provenance.sha256 in line


def test_a_missing_package_is_named(known):
    known(source=Package(package="no-such-package", version="1.0"))
    with pytest.raises(InputError, match=r"pip install no-such-package==1\.0"):
        corpora.load("small")


def test_a_package_without_its_pieces_is_said(known):
    known().read = lambda progress: []
    with pytest.raises(InputError, match="without its pieces"):
        corpora.load("small")


@pytest.fixture(scope="session")
def bach():
    # From the user's own cache: the first run on a machine parses for half a minute, later ones do not.
    return corpora.load("bach")


def test_bach_is_what_its_manifest_says(bach):
    manifest = corpora.names()[0]
    assert (len(bach.pieces), bach.provenance.groups) == (manifest.pieces, manifest.groups) == (368, 354)
    assert len({p.name for p in bach.pieces}) == 368
    if importlib.metadata.version("music21") == manifest.source.version:
        assert bach.provenance.sha256 == manifest.sha256 == BACH
    assert all(set(p.parts.tolist()) == {0, 1, 2, 3} for p in bach.pieces)


def test_bach_groups_are_one_work_in_two_keys_editions_or_texts(bach):
    groups = {}
    for p in bach.pieces:
        groups.setdefault(p.group, []).append(p.name)
    assert sorted(names for names in groups.values() if len(names) > 1) == [
        ["bwv10.7", "bwv324"],
        ["bwv117.4", "bwv177.4"],
        ["bwv158.4", "bwv279"],
        ["bwv176.6", "bwv280"],
        ["bwv18.5-lz", "bwv18.5-w"],
        ["bwv197.7-a", "bwv398"],
        ["bwv20.11", "bwv20.7"],
        ["bwv227.1", "bwv227.11"],
        ["bwv244.15", "bwv244.17"],
        ["bwv253", "bwv414"],
        ["bwv274", "bwv62.6"],
        ["bwv277.krn", "bwv277.mxl"],
        ["bwv281.krn", "bwv281.mxl"],
        ["bwv366.krn", "bwv366.mxl"],
    ]


def test_a_corpus_in_the_cache_needs_no_music21(bach):
    code = "import sys; from verifier.corpora import corpus; corpus.load('bach'); sys.exit('music21' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


# The other corpora of music21: a few files each, for the whole takes minutes


def test_every_manifest_has_a_loader_and_says_where_its_data_come_from():
    there = {
        info.name: importlib.import_module(f"{loaders.__name__}.{info.name}") for info in iter_modules(loaders.__path__)
    }
    assert there.pop("scores")  # what loaders of scores share
    assert {manifest.loader for manifest in corpora.names()} == set(there)
    for manifest in corpora.names():
        parsed = hasattr(there[manifest.loader], "VERSION")
        assert parsed == (manifest.source.package == "music21")
        assert manifest.source.path or parsed
        assert view_of(manifest.view, corpora.DEFAULT).kind == manifest.medium
        assert 0 < manifest.groups <= manifest.pieces


def some(monkeypatch, paths):
    """Make the loaders see the files of these names alone, and tell what is read."""
    all_files = scores.files
    monkeypatch.setattr(scores, "files", lambda *which: [path for path in all_files(*which) if path.stem in paths])
    done = []
    return done, lambda *progress: done.append(progress)


def test_movements_of_palestrina_are_grouped_by_mass(monkeypatch):
    done, progress = some(monkeypatch, ["Kyrie_02", "Sanctus_00_b", "Sanctus_00_c", "Gloria_16_a"])
    pieces = palestrina.read(progress)
    assert [p.name for p in pieces] == ["Gloria_16_a", "Kyrie_02", "Sanctus_00_b", "Sanctus_00_c"]
    assert [p.group for p in pieces[2:]] == ["Missa Ad fugam"] * 2
    assert len({p.group for p in pieces}) == 3
    assert done[-1] == (4, 4)
    batch = batch_of(pieces, PianoRollView(window=None, lowest_pitch=0, pitches=128))
    assert (music(batch).voices.counts == [len(set(p.parts.tolist())) for p in pieces]).all()
    assert music(batch).voices.counts.min() >= 3


def test_a_movement_without_a_title_is_its_own_mass(tmp_path):
    (tmp_path / "a.krn").write_bytes(b"!!!OPR: Missa \xfc \r\n!!!OTL: Kyrie\n")
    (tmp_path / "b.krn").write_bytes(b"!!!OTL: Kyrie\n")
    assert [palestrina.mass(tmp_path / name) for name in ("a.krn", "b.krn")] == ["Missa ü", "b"]


def test_madrigals_of_monteverdi_have_five_voices(monkeypatch):
    _, progress = some(monkeypatch, ["madrigal.4.9", "madrigal.3.1_old"])
    (piece,) = monteverdi.read(progress)
    assert (piece.name, piece.group, piece.meter) == ("madrigal.4.9", "madrigal.4.9", 4.0)
    assert music(batch_of([piece], PianoRollView(window=None))).voices.counts.tolist() == [5]


BOOK = """A book of tunes
X:1
T: eins
N: E0007
M: 3/4
L: 1/4
K: C
C | EFG | c3

X:2
N: bekannt
N: E0007B
M: 2/4
L: 1/8
K: G
G2AB | c4

X:3
N: ohne Nummer
M: 4/4
L: 1/4
K: C
CDEF
"""


def test_tunes_of_a_book_and_their_variants(monkeypatch):
    tunes = folk.tunes_of(BOOK, "book")
    assert [(tune.name, tune.work) for tune in tunes] == [
        ("book.001", "E0007"),
        ("book.002", "E0007"),
        ("book.003", "book.003"),
    ]
    assert "".join(tune.text for tune in tunes) == BOOK.removeprefix("A book of tunes\n")
    pieces = scores.read_all(tunes, folk._melody)
    assert [p.pitches.tolist() for p in pieces] == [[60, 64, 65, 67, 72], [67, 69, 71, 72], [60, 62, 64, 65]]
    assert [(p.meter, p.pickup) for p in pieces] == [(3.0, 1.0), (2.0, 0.0), (4.0, 0.0)]
    assert [p.group for p in pieces] == ["E0007", "E0007", "book.003"]


def test_a_tune_read_alone_is_the_tune_in_its_book():
    (book,) = [path for path in scores.files("essenFolksong", ".abc") if path.stem == "test0"]
    opus = converter.parse(book, forceSource=True, storePickle=False)
    tunes = folk.tunes_of(book.read_text("latin-1"), "test0")
    assert len(tunes) == len(opus.scores) == 16
    for tune, score in zip(tunes, opus.scores, strict=True):
        assert digest([folk._melody(tune)]) == digest([notes_of_stream(score, name=tune.name, group="")])


def half(i):
    return None if i % 2 else piece(f"{9 - i}")


@pytest.mark.parametrize("processes", [1, 3])
def test_what_is_read_is_the_same_however_many_read(monkeypatch, processes):
    monkeypatch.setattr(scores.os, "cpu_count", lambda: processes)
    done = []
    pieces = scores.read_all(range(10), half, lambda *progress: done.append(progress))
    assert [p.name for p in pieces] == ["1", "3", "5", "7", "9"]
    assert done == [(i, 10) for i in range(1, 11)]


def test_pieces_known_to_be_one_work_are_one_group():
    rng = np.random.default_rng(0)
    pieces = [piece(f"{i}", rng.integers(50, 70, 60).tolist()) for i in range(5)]
    pieces[4] = replace(pieces[1], name="4")
    works = ["mass a", "mass b", "mass a", "mass c", "mass c"]
    assert duplicates.duplicate_groups(pieces, works) == ["mass a", "mass b", "mass a", "mass b", "mass b"]
    assert duplicates.duplicate_groups(pieces) == ["0", "1", "2", "3", "1"]


# A user's own folder


def midi(pitches):
    """A Standard MIDI File of quarter notes on one track."""
    events = b"".join(bytes([0, 0x90, p, 64, 96, 0x80, p, 0]) for p in pitches) + b"\x00\xff\x2f\x00"
    return b"MThd\0\0\0\6\0\0\0\1\0\x60" + b"MTrk" + len(events).to_bytes(4, "big") + events


@pytest.fixture
def own(tmp_path):
    pytest.importorskip("symusic")
    folder = tmp_path / "my pieces"
    (folder / "deeper").mkdir(parents=True)
    line = np.random.default_rng(0).integers(50, 70, 60)
    (folder / "b.mid").write_bytes(midi(line.tolist()))
    (folder / "deeper" / "a.MID").write_bytes(midi((line + 5).tolist()))
    (folder / "deeper" / "c.mid").write_bytes(midi(line[::-1].tolist()))
    (folder / "notes.txt").write_text("no piece")
    return folder


def test_a_folder_is_a_corpus(own, capfd):
    done = []
    corpus = corpora.load(str(own), progress=lambda *progress: done.append(progress))
    assert [(p.name, p.group) for p in corpus.pieces] == [
        ("b.mid", "b.mid"),
        ("deeper/a.MID", "b.mid"),
        ("deeper/c.mid", "deeper/c.mid"),
    ]
    assert done == [(1, 3), (2, 3), (3, 3)]
    assert corpus.name == corpus.provenance.source == "my pieces"
    assert corpus.provenance.licence == "unknown"
    assert corpus.provenance.sha256 == digest(corpus.pieces)
    assert capfd.readouterr().err == ""


def test_an_unreadable_file_is_left_out_with_a_warning(own, capfd):
    (own / "broken.mid").write_bytes(b"MThd")
    (own / "._b.mid").write_bytes(b"hidden")
    assert len(corpora.load(str(own)).pieces) == 3
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("warning: left out: broken.mid")


def test_a_folder_without_a_readable_piece_is_refused(tmp_path):
    with pytest.raises(InputError, match="found none"):
        corpora.load(str(tmp_path))
    (tmp_path / "broken.mid").write_bytes(b"nothing")
    with pytest.raises(InputError, match="none of 1 files can be read"):
        corpora.load(str(tmp_path))


def test_what_is_neither_a_name_nor_a_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"the name of a corpus \(bach, fashion-mnist-test, .*\), found none of these"):
        corpora.load(str(tmp_path / "missing"))
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="found another file"):
        corpora.load(str(tmp_path / "file"))
