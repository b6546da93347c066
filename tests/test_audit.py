"""What containers tell: a confound that was planted is named first, none where there is none, none once equalised."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image, PngImagePlugin
from sklearn.metrics import roc_auc_score
from symusic import Note, Score, Tempo, TimeSignature, Track

import verifier as vf
from verifier.base.errors import InputError
from verifier.cli.main import main
from verifier.data.container import Property, Stored
from verifier.data.medium import medium_named
from verifier.music.read.symbolic import read_notes
from verifier.verbs import telling
from verifier.verbs.audit import Audit, Audited, audit
from verifier.verbs.telling import Column

N = 30
"""Samples on each side."""
RATE = 8000


def picture(rng: np.random.Generator, path: Path, **options: Any) -> None:
    """A picture of waves and noise, whose size differs from one to the next; ``options`` are what is planted."""
    width, height = options.pop("size", rng.integers(40, 60, 2))
    y, x = np.mgrid[:height, :width]
    wave = np.cos(x * rng.uniform(0.05, 0.3)) + np.cos(y * rng.uniform(0.05, 0.3))
    grey = np.clip(128 + 40 * wave + options.pop("lighter", 0) + 10 * rng.standard_normal((height, width)), 0, 255)
    image = Image.fromarray(np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)).convert(options.pop("mode", "RGB"))
    image.save(path.with_suffix(options.pop("suffix", ".png")), **options)


def text_chunk() -> PngImagePlugin.PngInfo:
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("parameters", "steps: 20")
    return chunks


def exif() -> Image.Exif:
    found = Image.Exif()
    found[271] = "maker"
    return found


def sound(rng: np.random.Generator, path: Path, **options: Any) -> None:
    """Noise of about a second with a swell, whose length and loudness differ from one to the next."""
    rate = options.pop("rate", RATE)
    n = round(options.pop("seconds", rng.uniform(0.9, 1.1)) * rate)
    swell = np.sin(np.linspace(0.1, np.pi - 0.1, n))
    wave = rng.uniform(0.02, 0.04) * options.pop("gain", 1.0) * swell * rng.standard_normal(n).clip(-3, 3)
    wave = np.concatenate([np.zeros(round(options.pop("before", 0) * rate)), wave]) + options.pop("offset", 0)
    wave = np.repeat(wave[:, None], options.pop("channels", 1), axis=1)
    soundfile.write(path.with_suffix(options.pop("suffix", ".wav")), wave, rate, **options)


def tune(rng: np.random.Generator, path: Path, **options: Any) -> None:
    """A melody of about 60 notes, whose length and velocities differ from one to the next."""
    ticks, tracks = options.pop("ticks", 480), options.pop("tracks", 1)
    score: Any = Score(ticks)
    score.tempos.append(Tempo(0, options.pop("tempo", 120)))
    if meter := options.pop("meter", None):
        score.time_signatures.append(TimeSignature(0, *meter))
    velocity, off, program = options.pop("velocity", None), options.pop("off", 0), options.pop("program", 0)
    n = options.pop("notes", int(rng.integers(50, 70)))
    for _ in range(tracks):
        track: Any = Track(name=options.get("name", ""), program=program)
        for i in range(n):
            loud = velocity or int(rng.integers(40, 100))
            track.notes.append(Note(i * ticks // 2 + off, ticks // 2 - off, int(rng.integers(50, 70)), loud))
        score.tracks.append(track)
    path.with_suffix(".mid").write_bytes(score.dumps_midi())


Make = Callable[..., None]


def sides(folder: Path, make: Make, planted: Mapping[str, Any], seed: int = 0, n: int = N) -> tuple[str, str]:
    """A real folder and a generated one, which differs in what is planted alone."""
    rng = np.random.default_rng(seed)
    for side, options in (("real", {}), ("fake", planted)):
        (folder / side).mkdir(parents=True)
        for i in range(n):
            make(rng, folder / side / f"{i:03}", **options)
    return str(folder / "real"), str(folder / "fake")


def only(found: Audit) -> Audited:
    return next(iter(found.generated.values()))


PLANTED: list[tuple[Make, dict[str, Any], str]] = [
    (picture, {"suffix": ".bmp"}, "format"),
    (picture, {"size": (50, 50)}, "size"),
    (picture, {"mode": "L"}, "mode"),
    (picture, {"mode": "P"}, "palette"),
    (picture, {"mode": "1"}, "bits a channel"),
    (picture, {"mode": "RGBA"}, "mode"),
    (picture, {"pnginfo": text_chunk()}, "other metadata"),
    (picture, {"exif": exif()}, "EXIF"),
    (picture, {"dpi": (300, 300)}, "resolution"),
    (picture, {"icc_profile": b"profile"}, "colour profile"),
    (picture, {"lighter": 60}, "mean intensity"),
    (sound, {"suffix": ".flac"}, "format"),
    (sound, {"subtype": "PCM_24"}, "encoding"),
    (sound, {"rate": 16000}, "sample rate"),
    (sound, {"channels": 2}, "channels"),
    (sound, {"seconds": 2.0}, "duration"),
    (sound, {"seconds": 1.0}, "duration"),
    (sound, {"gain": 4.0}, "loudness"),
    (sound, {"offset": 0.002}, "constant offset"),
    (sound, {"before": 0.2}, "silence at the beginning"),
    (tune, {"ticks": 96}, "ticks in a quarter note"),
    (tune, {"tracks": 2, "notes": 30}, "number of tracks"),
    (tune, {"tempo": 90}, "tempo"),
    (tune, {"meter": (3, 4)}, "time signature"),
    (tune, {"velocity": 64}, "velocity"),
    (tune, {"program": 10}, "programs"),
    (tune, {"name": "melody"}, "texts"),
    (tune, {"off": 37}, "share of notes off the grid"),
    (tune, {"notes": 90}, "number of notes"),
]


def test_a_silent_file_of_music_is_audited_and_named_where_it_cannot_be_made_alike(tmp_path):
    note = [Note(0, 480, 60, 64)]
    for side, name, notes in [("a", "0.mid", note), ("a", "1.mid", []), ("b", "0.kar", note), ("b", "1.mid", note)]:
        score = Score(480)
        score.tracks.append(Track(notes=notes))
        (tmp_path / side).mkdir(exist_ok=True)
        (tmp_path / side / name).write_bytes(score.dumps_midi())
    found = only(vf.audit(tmp_path / "a", tmp_path / "b"))
    assert (found.samples, found.properties["notes"].real) == (2, 2)
    assert found.properties["notes"].generated == 2
    with pytest.raises(InputError, match=r"--equalise: 1\.mid holds no note; leave it out"):
        vf.audit(tmp_path / "a", tmp_path / "b", equalise=tmp_path / "alike")
    assert not (tmp_path / "alike").exists()


def test_a_track_without_a_note_is_none_so_that_files_and_pieces_of_a_corpus_count_alike(tmp_path):
    tune(np.random.default_rng(0), tmp_path / "a")
    score: Any = Score(tmp_path / "a.mid")
    score.tracks.insert(0, Track(name="conductor"))
    (tmp_path / "b.mid").write_bytes(score.dumps_midi())
    container = medium_named("piano-roll").container()
    assert container is not None
    of_files = [next(iter(container.read(tmp_path / name, name))) for name in ("a.mid", "b.mid")]
    of_piece = next(iter(container.of_piece(read_notes(tmp_path / "b.mid", name="b", group="b"))))
    assert [stored.facts["tracks"] for stored in (*of_files, of_piece)] == [1, 1, 1]


def test_files_of_one_name_on_both_sides_are_made_alike_by_the_shortest_of_all(tmp_path):
    for side, quarters in [("a", 4), ("b", 8)]:
        score = Score(480)
        score.tracks.append(Track(notes=[Note(480 * at, 480, 60 + at, 64) for at in range(quarters)]))
        (tmp_path / side).mkdir()
        (tmp_path / side / "0.mid").write_bytes(score.dumps_midi())
    found = vf.audit(tmp_path / "a", tmp_path / "b", equalise=tmp_path / "alike")
    assert found.equalised.words[0] == "the first 4 quarter notes"
    assert Score(str(tmp_path / "alike" / "generated" / "0.mid")).end() == 4 * 480


@pytest.mark.parametrize(
    ("make", "planted", "words"),
    PLANTED,
    ids=[f"{make.__name__}-{'-'.join(planted)}-{i}" for i, (make, planted, _) in enumerate(PLANTED)],
)
def test_a_planted_confound_is_named(make, planted, words, tmp_path):
    found = only(vf.audit(*sides(tmp_path, make, planted)))
    best = found.telling[0].auroc
    assert best == pytest.approx(1, abs=0.02)
    named = [each.words for each in found.telling if each.auroc >= best - 0.01]
    assert any(name.startswith(words) for name in named), named


def test_tables_and_quality_of_jpeg_are_named(tmp_path):
    rng = np.random.default_rng(0)
    for side, quality in (("real", 90), ("fake", 75)):
        (tmp_path / side).mkdir()
        for i in range(N):
            picture(rng, tmp_path / side / str(i), suffix=".jpg", quality=quality)
    found = only(vf.audit(tmp_path / "real", tmp_path / "fake"))
    told = next(each for each in found.telling if each.words == "JPEG quality")
    assert told.finding == "90 in 100 % of real, 0 % of generated; 75 in 0 %, 100 %"
    assert [each.words for each in found.parts(told)] == ["JPEG tables"]


@pytest.mark.parametrize("make", [picture, sound, tune])
def test_nothing_tells_where_nothing_was_planted(make, tmp_path):
    alarms = 0
    for seed in range(10):
        real, fake = sides(tmp_path / str(seed), make, {}, seed)
        found = vf.audit(real, fake)
        alarms += found.tells or bool(only(found).telling)
    assert alarms <= 2  # of 10 at 5 %: more has a chance of 1 %


def made(rng: np.random.Generator, n: int, group: str = "", **more: Any) -> list[Stored]:
    """Samples in memory, of numbers that are spread, tied or rare, and of categories common and of one sample each."""
    return [
        Stored(
            name=f"{group}{i}",
            group=f"{group}{i}",
            content=rng.bytes(8),
            facts={
                **{f"normal-{k}": float(rng.normal()) for k in range(4)},
                "tied": float(rng.integers(3)),
                "rare": float(rng.random() < 0.1),
                "common": str(rng.choice(["a", "b", "c"])),
                "name": rng.bytes(4).hex(),
                **more,
            },
            source=None,
        )
        for i in range(n)
    ]


MADE = {
    **{f"normal-{k}": Property(f"normal {k}") for k in range(4)},
    "tied": Property("tied"),
    "rare": Property("rare"),
    "common": Property("common", False),
    "name": Property("name", False),
    "constant": Property("constant", False),
}


@pytest.mark.parametrize(("n", "m"), [(30, 30), (10, 100), (200, 200)])
def test_false_alarms_are_at_most_the_level(n, m):
    rng = np.random.default_rng(n)
    alarms = sum(audit("made", "real", made(rng, n), {"fake": made(rng, m, "f")}, MADE).tells for _ in range(60))
    assert alarms <= 7  # of 60 at 5 %: more has a chance of 1 %


def test_a_name_for_each_file_tells_nothing_and_a_constant_is_counted():
    rng = np.random.default_rng(0)
    found = audit("made", "real", made(rng, 50, constant="x"), {"fake": made(rng, 50, "f", constant="x")}, MADE)
    assert only(found).properties["name"].auroc == 0.5
    assert only(found).alike == ("constant",)


def test_a_spread_tells_though_no_threshold_does():
    rng = np.random.default_rng(0)
    real = made(rng, 60)
    fakes = [replace(each, facts={**each.facts, "normal-0": 0.01 * i}) for i, each in enumerate(made(rng, 60, "f"))]
    best = only(audit("made", "real", real, {"fake": fakes}, MADE)).telling[0]
    assert (best.words, best.how) == ("normal 0", "stretch")


def test_areas_and_together_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    fake = np.arange(300) >= 200
    scores = np.round(rng.normal(0, 1, 300) + fake, 1)
    assert telling.area(scores, fake) == pytest.approx(roc_auc_score(fake, scores))
    columns = [Column(rng.normal(0, 1, 300) + 0.8 * fake), Column(np.where(rng.random(300) < 0.5, "a", "b"))]
    folds = telling.folds_of(np.arange(300), fake)
    assert telling.area(telling.together(columns, fake, folds), fake) == pytest.approx(0.71, abs=0.06)


def test_an_interval_has_its_level_also_at_its_ends():
    low, high = telling.area_interval(1.0, 8, 8)
    assert high == 1
    assert 0.7 < low < 0.85
    assert telling.area_interval(0.0, 8, 8) == pytest.approx((1 - high, 1 - low))
    rng = np.random.default_rng(0)
    fake = np.arange(40) >= 20
    inside = 0
    for _ in range(300):
        low, high = telling.area_interval(telling.area(rng.normal(0, 1, 40) + fake, fake), 20, 20)
        inside += low <= 0.7602 <= high  # the chance that one of N(1, 1) is larger than one of N(0, 1)
    assert inside / 300 > 0.93


def test_copies_are_counted_and_stand_in_one_group(tmp_path):
    real, fake = sides(tmp_path, picture, {})
    for path in list(Path(fake).iterdir())[:10]:
        Image.open(Path(real, path.name)).save(path.with_suffix(".bmp"))
        path.unlink()
    found = only(vf.audit(real, fake))
    assert found.copies == 10
    assert telling.joined_groups(["a", "b", "c", "a"], [b"1", b"1", b"2", b"3"]).tolist() == [0, 0, 1, 0]


def test_folders_are_groups_if_asked(tmp_path):
    rng = np.random.default_rng(0)
    for side in ("real", "fake"):
        for scene in range(4):
            (tmp_path / side / str(scene)).mkdir(parents=True)
            for i in range(10):
                picture(rng, tmp_path / side / str(scene) / str(i), lighter=40 * (side == "fake"))
    sure, unsure = (vf.audit(tmp_path / "real", tmp_path / "fake", groups=how) for how in ("file", "folder"))
    assert sure.real_groups == 40
    assert unsure.real_groups == 4
    assert [each.words for each in only(sure).telling] == ["mean intensity"]
    assert only(unsure).telling == []
    assert not sure.tells  # by what the pictures show, not by their files
    assert only(unsure).least is None or only(unsure).least > 0.9


EQUALISED: list[tuple[Make, dict[str, Any]]] = [
    (picture, {"size": (64, 48), "exif": exif()}),
    (picture, {"suffix": ".jpg", "quality": 80}),
    (picture, {"mode": "L", "suffix": ".bmp"}),
    (sound, {"rate": 16000, "gain": 3.0, "channels": 2, "before": 0.3}),
    (sound, {"seconds": 1.5, "offset": 0.01, "suffix": ".flac"}),
    (tune, {"ticks": 96, "tempo": 90, "velocity": 64, "meter": (3, 4), "name": "x"}),
]


@pytest.mark.parametrize(("make", "planted"), EQUALISED, ids=[f"{m.__name__}-{sorted(p)}" for m, p in EQUALISED])
def test_nothing_tells_once_equalised(make, planted, tmp_path):
    real, fake = sides(tmp_path, make, planted)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    found = vf.audit(real, fake, equalise=tmp_path / "out")
    assert only(found).tells
    assert found.equalised is not None
    assert [each.words for each in only(found.equalised.audit).telling if not each.of_content] == []
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(written) == 2 * N
    assert {path.parent.name for path in written} == {"real", "generated"}
    assert all(path.read_bytes() == content for path, content in before.items())
    assert not list(tmp_path.glob(".out*"))


def test_nothing_is_overwritten_and_nothing_is_left_half_written(tmp_path):
    real, fake = sides(tmp_path, picture, {}, n=3)
    with pytest.raises(InputError, match=r"expected a folder that does not exist yet: nothing is overwritten"):
        vf.audit(real, fake, equalise=real)
    (tmp_path / "silent").mkdir()
    soundfile.write(tmp_path / "silent" / "a.wav", np.zeros(800), RATE)
    with pytest.raises(InputError, match="without silence"):
        vf.audit(tmp_path / "silent", tmp_path / "silent" / "a.wav", equalise=tmp_path / "out")
    assert not list(tmp_path.glob("*out*"))


def test_files_of_one_name_are_all_written(tmp_path):
    rng = np.random.default_rng(0)
    for side in ("real", "fake"):
        (tmp_path / side).mkdir()
        for suffix in (".png", ".bmp"):
            picture(rng, tmp_path / side / "a", suffix=suffix)
    vf.audit(tmp_path / "real", tmp_path / "fake", equalise=tmp_path / "out")
    assert len(list((tmp_path / "out" / "real").iterdir())) == 2


def test_arrays_are_told_by_type_shape_and_range(tmp_path):
    rng = np.random.default_rng(0)
    whole = rng.integers(0, 256, (40, 6, 6)).astype(np.uint8)
    np.savez(tmp_path / "real.npz", x=whole, labels=np.arange(40))
    np.save(tmp_path / "fake.npy", (rng.random((40, 6, 6))).astype(np.float32))
    found = vf.audit(tmp_path / "real.npz", tmp_path / "fake.npy", equalise=tmp_path / "out")
    assert {"format", "type"} <= {each.words for each in only(found).telling}
    assert found.equalised is not None
    assert not found.equalised.audit.tells
    assert not vf.audit(whole[:20], whole[20:]).tells


def test_sides_of_different_media_and_what_has_no_files_are_refused(tmp_path):
    pictures, _ = sides(tmp_path / "a", picture, {}, n=2)
    sounds, _ = sides(tmp_path / "b", sound, {}, n=2)
    with pytest.raises(InputError, match=r"expected files of the medium image, as .*, found mel-spectrogram"):
        vf.audit(pictures, sounds)
    with pytest.raises(InputError, match=r"expected what has files of its own .*, found 'one-note'"):
        vf.audit("bach:hold-out", "bach:one-note")
    with pytest.raises(InputError, match="expected a path or an array, found int"):
        vf.audit(pictures, 3)
    with pytest.raises(InputError, match="found nothing there"):
        vf.audit(pictures, tmp_path / "missing")


def test_the_command_says_it_before_any_rule(tmp_path, capsys):
    real, fake = sides(tmp_path, picture, {"size": (50, 50)})
    reports = [tmp_path / f"audit{suffix}" for suffix in (".json", ".csv", ".md")]
    assert main(["audit", fake, "--real", real, *(f"-o{path}" for path in reports)]) == 1
    said = capsys.readouterr().out
    assert "before any rule: size alone tells them apart with AUROC 1.00" in said
    assert "50 x 50 in " in said
    assert json.loads(reports[0].read_text())["generated"][fake]["properties"]["size"]["tells"] is True
    assert reports[1].read_text().startswith("generated,equalised,real,property,")
    assert "| property | AUROC, 95 % interval | what tells |" in reports[2].read_text()
    assert main(["audit", real, fake, "--equalise", str(tmp_path / "out")]) == 0
    assert "nothing in the files tells them apart" in capsys.readouterr().out
    assert main(["audit", real]) == 2


def test_metadata_that_are_damaged_are_said_to_be(tmp_path):
    real, fake = sides(tmp_path, picture, {"exif": b"Exif\0\0no TIFF at all"})
    told = next(each for each in only(vf.audit(real, fake)).telling if each.words == "EXIF")
    assert told.finding == "no in 100 % of real, 0 % of generated; damaged in 0 %, 100 %"


def test_a_set_too_small_to_tell_anything_says_so(tmp_path, capsys):
    real, fake = sides(tmp_path, picture, {"size": (50, 50)}, n=3)
    assert main(["audit", real, fake]) == 0
    assert "so few samples tell nothing, whatever differs" in capsys.readouterr().out


def test_evaluate_says_what_tells_before_any_rule(tmp_path, capsys):
    rng = np.random.default_rng(0)
    for side, suffix in (("real", ".png"), ("fake", ".bmp"), ("same", ".png")):
        (tmp_path / side).mkdir()
        for i in range(N):
            pixels = rng.integers(0, 256, (28, 28)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / side / f"{i}{suffix}")
    places = [str(tmp_path / side) for side in ("real", "fake", "same")]
    assert main(["evaluate", "--spec", "mnist", "--real", *places, "--rule", "mode-shares"]) == 0
    said = capsys.readouterr().out
    assert f"note {places[1]}: before any rule: format alone tells them apart with AUROC 1.00; see verify audit" in said
    assert f"note {places[2]}" not in said
