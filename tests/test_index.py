"""The index beside a spec: what it holds is what was built, and a check says the same on every machine."""

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

import verifier as vf
from tests.rolls import batch, random_batch
from tests.test_near_duplicates import VIEW, tunes
from verifier.base.errors import InputError
from verifier.base.files import replacing_all
from verifier.data.array_files import compressed, numbers_in
from verifier.data.batch import Batch
from verifier.music import corpus_index
from verifier.music.memorisation import Index, build_index, longest_copies
from verifier.spec import index as indexing
from verifier.spec import spec as specs
from verifier.spec.index import Surroundings

CORPUS, SAMPLES = tunes(0, 60), tunes(1, 30)
TITLE = "memorised passages"


def copied() -> Batch:
    """Samples of which each repeats half of a learned one."""
    values = SAMPLES.values.copy()
    values[:, :, 10:42] = CORPUS.values[:30, :, 10:42]
    return Batch.of(VIEW, values)


@pytest.fixture(scope="module")
def learned():
    return vf.learn(CORPUS, rules=["polyphony", "durations"], name="tunes")


@pytest.fixture
def saved(learned, tmp_path):
    learned.save(tmp_path / "tunes.yaml")
    return tmp_path / "tunes.yaml"


def same(a: Index, b: Index) -> bool:
    rows = [*a.music._fields, *("hashes", "chords", "starts", "meters", "pickups")]
    pairs = [(getattr(a.music, name, None), getattr(b.music, name, None)) for name in a.music._fields]
    pairs += [(getattr(a, name), getattr(b, name)) for name in rows[len(a.music._fields) :]]
    return list(a.names) == list(b.names) and all(x.dtype == y.dtype and np.array_equal(x, y) for x, y in pairs)


@pytest.mark.parametrize(
    "parts",
    [
        [CORPUS],
        [random_batch(0, 7), random_batch(1, 5)],
        [batch(["", "C4:0-4 E4:0-4 | rest", "meter=3 pickup=1 C4:0-3"]), random_batch(2, 3)],
        [random_batch(3, 0)],
    ],
)
def test_an_index_is_read_back_unchanged_from_the_same_bytes(parts):
    made = build_index(parts)
    data = compressed(corpus_index.packed(made))
    assert data == compressed(corpus_index.packed(build_index(parts)))
    assert same(corpus_index.unpacked(numbers_in(data, "x", 1 << 20), made.view), made)


def test_an_index_finds_the_same_after_it_was_kept():
    made = build_index([CORPUS])
    kept = corpus_index.unpacked(numbers_in(compressed(corpus_index.packed(made)), "x", 1 << 20), made.view)
    for index in (made, kept):
        assert (longest_copies(index, copied()).quarters >= 7).all()


def test_a_spec_is_saved_with_its_index_and_read_with_it(learned, saved):
    assert sorted(path.name for path in saved.parent.iterdir()) == ["tunes.index.npz", "tunes.yaml"]
    data = saved.with_name("tunes.index.npz").read_bytes()
    assert learned.index.sha256 == hashlib.sha256(data).hexdigest()
    assert f"index: {{sha256: {learned.index.sha256}}}" in saved.read_text()
    found = vf.load_spec(saved)
    assert found == learned
    assert found.surroundings.index == learned.surroundings.index == data
    again = saved.with_name("again.yaml")
    found.save(again)
    assert again.read_bytes() == saved.read_bytes()
    assert again.with_name("again.index.npz").read_bytes() == data


def test_copies_are_found_by_the_files_alone(learned, saved, tmp_path, monkeypatch):
    records = []
    for cache in ("empty", "another"):
        monkeypatch.setenv("VERIFIER_CACHE", str(tmp_path / cache))
        samples = {"copied": copied(), "new": SAMPLES}
        records += [vf.check(spec, samples).to_dict() for spec in (learned, saved, str(saved))]
    assert all(found == records[0] for found in records)
    checks = {name: result["whole"]["checks"][TITLE] for name, result in records[0]["sets"].items()}
    assert (checks["copied"]["verdict"], checks["new"]["verdict"]) == ("fail", "pass")
    assert "= piece-0-" in checks["copied"]["worst"]


def test_what_is_in_memory_is_looked_through_too():
    values = np.concatenate([CORPUS.values, SAMPLES.values])
    spec = vf.learn(values, rules=["polyphony"])
    assert spec.index is not None
    run = vf.check(spec, values[:30])
    assert run.record.sets["samples"].whole.checks[TITLE].verdict == "fail"


@pytest.mark.parametrize("gone", ["file", "text"])
def test_an_index_that_is_missing_is_said_and_changes_no_verdict(saved, gone):
    with_it = vf.check(saved, SAMPLES).record.sets["samples"]
    if gone == "file":
        saved.with_name("tunes.index.npz").unlink()
        spec, why = vf.load_spec(saved), "tunes.index.npz is not beside the spec; verify learn CORPUS -o tunes.yaml"
    else:
        spec, why = vf.load_spec(saved.read_text()), "the spec was not read from a file, beside which its index would"
    result = vf.check(spec, SAMPLES).record.sets["samples"]
    assert result.verdict == with_it.verdict
    (said,) = result.whole.skipped
    assert said.startswith(f"{TITLE}: copies were not looked for: {why}")


def test_a_spec_from_before_there_was_an_index_says_so(learned):
    old = structs.replace(learned, index=None, surroundings=Surroundings())
    assert specs.loads(specs.dumps(old)) == old
    (said,) = vf.check(old, SAMPLES).record.sets["samples"].whole.skipped
    assert "copies were not looked for: the spec was learned without an index of its corpus" in said


def test_an_index_of_another_spec_is_refused_in_one_line(saved, learned):
    path = saved.with_name("tunes.index.npz")
    path.write_bytes(compressed({"copying.names": np.zeros(1, np.uint8)}))
    with pytest.raises(
        InputError, match=r"tunes.index.npz: expected the index that was written with tunes.yaml \(sha"
    ) as error:
        vf.load_spec(saved)
    assert "verify learn CORPUS -o tunes.yaml" in str(error.value)
    assert "\n" not in str(error.value)


def claiming(saved: Path, data: bytes) -> Path:
    """The spec with these bytes as its index, whose sha256 it claims."""
    spec = vf.load_spec(saved)
    found = structs.replace(spec, index=indexing.record_of(data), surroundings=Surroundings(index=data))
    found.save(saved)
    return saved


def spoilt(index: Index, name: str, values: np.ndarray) -> bytes:
    arrays = {**corpus_index.packed(index), name: values}
    return compressed({f"copying.{key}": array for key, array in arrays.items() if array is not None})


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("chords", np.full(10, 60000, np.uint16)),
        ("counts", np.zeros(3, np.uint8)),
        ("steps", np.full(5, -1, np.int8)),
        ("steps", np.full(5, 2**40, np.uint64)),
        ("lowest", np.zeros(4, np.uint8)),
        ("meters", np.full(60, np.nan)),
        ("shapes", np.zeros(9, np.float64)),
        ("names", np.frombuffer(b"[1, 2]", np.uint8)),
        ("names", np.frombuffer(b"nothing", np.uint8)),
        ("names", None),
    ],
)
def test_an_index_that_was_tampered_with_is_refused(saved, name, values):
    claiming(saved, spoilt(build_index([CORPUS]), name, values))
    with pytest.raises(InputError, match=r"tunes.index.npz: expected the index of a corpus as verify learn writes it"):
        vf.check(saved, SAMPLES)


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        head = io.BytesIO()
        np.lib.format.write_array_header_1_0(head, {"shape": (1 << 32,), "fortran_order": False, "descr": "<u8"})
        archive.writestr("copying.shapes.npy", head.getvalue())
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"no archive", "found damage"),
        (bomb(), "expected at most 512 MiB of arrays, found more"),
        (compressed({"copying.names": np.array(["a"])}), "expected rows of numbers, found copying.names.npy"),
        (compressed({"copying.names": np.zeros((2, 2), np.uint8)}), "expected rows of numbers"),
    ],
)
def test_an_index_that_is_no_archive_of_numbers_is_refused(saved, data, message):
    claiming(saved, data)
    with pytest.raises(InputError, match=rf"tunes.index.npz: .*{message}"):
        vf.check(saved, SAMPLES)


def test_a_file_that_is_far_too_large_is_not_read(saved, monkeypatch):
    monkeypatch.setattr(indexing, "MAX_BYTES", 1 << 10)
    with pytest.raises(InputError, match="expected the index of a spec of at most 0 MiB"):
        vf.load_spec(saved)


def test_both_files_are_written_or_none(learned, saved, monkeypatch):
    before = {path.name: path.read_bytes() for path in saved.parent.iterdir()}
    other = vf.learn(tunes(5, 60), rules=["polyphony"], name="tunes")
    replaced = []

    def once(path, target, replace=Path.replace):
        replaced.append(target)
        if len(replaced) == 2:
            raise OSError("the disk is gone")
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", once)
        with pytest.raises(OSError, match="the disk is gone"):
            other.save(saved)
    assert {path.name: path.read_bytes() for path in saved.parent.iterdir()} == before
    other.save(saved)
    assert vf.load_spec(saved) == other
    assert len(list(saved.parent.iterdir())) == 2


def test_files_that_belong_together_leave_nothing_behind(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    with pytest.raises(ZeroDivisionError), replacing_all([a, b]):
        raise ZeroDivisionError
    with pytest.raises(InputError, match="cannot be written"), replacing_all([a, tmp_path / "no" / "b"]):
        pass
    b.mkdir()
    with pytest.raises(OSError, match=r"[Dd]irectory"), replacing_all([a, b]):
        pass
    assert list(tmp_path.iterdir()) == [b]


def test_media_whose_checks_compare_with_nothing_write_none(tmp_path):
    pictures = np.random.default_rng(0).random((40, 8, 8)).astype(np.float32)
    spec = vf.learn(pictures, view={"kind": "image", "height": 8, "width": 8}, rules=["intensity-distribution"])
    spec.save(tmp_path / "spec.yaml")
    assert spec.index is None
    assert [path.name for path in tmp_path.iterdir()] == ["spec.yaml"]
