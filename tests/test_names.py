"""A name that a user gave comes out of every command and every format as it is: no markup, no control, no formula."""

import contextlib
import csv
import html
import io
import json
import os
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pyarrow.parquet
import pytest
from PIL import Image

from verifier.cli.main import COMMANDS, main
from verifier.report import formats
from verifier.rule.fault import faults_for

HOSTILE = "a[bold]b[/]c\x1b[31m$1$"
SLASH = "[/x]"
SHOWN = {HOSTILE: r"a[bold]b[/]c\x1b[31m$1$", SLASH: SLASH}
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
SETS = (f"sets/{HOSTILE}", f"sets/{SLASH}")
SPEC, MUSIC, OTHER = f"out/{SLASH}.yaml", f"out/{HOSTILE}.yaml", f"out/{SLASH}-other.yaml"


def write_pictures(folder: str, seed: int, n: int, contrast: float) -> None:
    """Noise; the last is called as the folder is."""
    rng = np.random.default_rng(seed)
    for name in [*map(str, range(n - 1)), HOSTILE]:
        values = 0.5 + contrast * rng.standard_normal((16, 16)).clip(-2, 2)
        path = Path(f"{folder}/{name}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.rint(255 * values).clip(0, 255).astype(np.uint8)).save(path)


def write_music(name: str, seed: int, high: int = 72) -> None:
    """A MIDI file of eight quarter notes in each of two voices."""
    import symusic

    rng = np.random.default_rng(seed)
    score = symusic.Score(480)
    for low in (48, high):
        track = symusic.Track()
        for at, step in enumerate(rng.integers(0, 7, 8)):
            track.notes.append(symusic.Note(480 * at, 480, low + int(step), 80))
        score.tracks.append(track)
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    score.dump_midi(f"{name}.mid")


def verify(*arguments: str, code: tuple[int, ...] = (0, 1)) -> str:
    """What a command prints on both streams."""
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        ended = main(list(arguments))
    text = stream.getvalue()
    assert ended in code, text
    assert not CONTROL.search(text), text
    assert "Traceback" not in text
    return text


def options(option: str, *values: str) -> list[str]:
    return [part for value in values for part in (option, value)]


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """Sample sets and corpora of pictures and of music, all with names that drive something; and what `verify learn`
    said of these.
    """
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("world"))
    try:
        write_pictures(HOSTILE, 0, 20, 0.2)
        for folder in SETS:
            write_pictures(folder, 1, 4, 0.05)
        for i in range(20):
            write_music(f"{SLASH}/{i}", i)
        write_music(f"sung/{HOSTILE}", 99, high=73)
        Path(f"out/{HOSTILE}").mkdir(parents=True)
        Path(f"out/{SLASH}").mkdir(parents=True)
        common = ["--hold-out", "0.5", "--name", HOSTILE]
        pictures = [HOSTILE, *common, *options("--view", "kind=image", "height=16", "width=16")]
        rules = options("--rule", "intensity-distribution", "mode-shares")
        verify("learn", *pictures, "-o", OTHER, "-q", "--rule", "mode-shares")
        yield (
            verify("learn", *pictures, "-o", SPEC, *rules),
            verify("learn", SLASH, "-o", MUSIC, *common, *options("--rule", "pitch-range", "chroma-transitions")),
        )
    finally:
        os.chdir(before)


def reports(what: formats.What) -> tuple[list[str], list[Path]]:
    """The arguments that ask for every format of ``what``, and the files; of pictures one is enough."""
    suffixes = [suffix for suffix in formats.suffixes(what) if suffix not in (".png", ".pdf")]
    paths = [Path(f"out/{HOSTILE}{suffix}") for suffix in suffixes]
    return options("-o", *map(str, paths)), paths


def words(path: Path) -> str:
    """The texts in a report, without the escapes that its format has of its own."""
    if path.suffix == ".parquet":
        table = pyarrow.parquet.read_table(path)
        return "\n".join({text for column in ("set", "sample") for text in table[column].to_pylist()})
    text = path.read_text("utf-8")
    assert not CONTROL.search(text), path
    if path.suffix == ".json":
        return "\n".join(texts(json.loads(text)))
    if path.suffix == ".csv":
        return "\n".join(cell for row in csv.reader(text.splitlines(), strict=True) for cell in row)
    if path.suffix in (".xml", ".musicxml"):
        elements = list(ElementTree.fromstring(text).iter())
        return "\n".join(str(part) for element in elements for part in (element.text, *element.attrib.values()))
    if path.suffix == ".svg":
        text = "\n".join(re.findall(r"<!-- (.*?) -->", text))
    return html.unescape(text)


def texts(data: object) -> list[str]:
    if isinstance(data, dict):
        return [text for key, value in data.items() for text in (key, *texts(value))]
    return [text for item in data for text in texts(item)] if isinstance(data, list) else [str(data)]


def assert_named(paths: list[Path], *names: str) -> None:
    """Each of the reports has each of the names; where a program reads it, as it is, and else as it is shown."""
    for path in paths:
        for name in names:
            assert (name if path.suffix in (".json", ".parquet") else SHOWN[name]) in words(path), (path, name)


def assert_shown(text: str, *names: str) -> None:
    for name in names:
        assert SHOWN[name] in text, text


def test_learn(said):
    of_pictures, of_music = said
    assert_shown(of_pictures, HOSTILE)
    assert f"wrote out/{SHOWN[SLASH]}.yaml" in of_pictures
    assert f"wrote out/{SHOWN[HOSTILE]}.yaml" in of_music


def test_check_and_its_gate_and_diff(said):
    arguments, paths = reports("run")
    base = f"out/{SLASH}.json"
    assert_shown(verify("--spec", SPEC, *SETS, "-v", *arguments, "-o", base), HOSTILE, SLASH)
    assert_named(paths, HOSTILE, SLASH)
    text = verify("--spec", SPEC, *SETS, "--baseline", base, "--accept", *arguments)
    assert f"{SHOWN[SLASH]}.json -> this run" in text
    assert f"accepted as the new baseline: out/{SLASH}.json" in text
    assert_named(paths, HOSTILE, SLASH)
    arguments, paths = reports("diff of runs")
    assert_shown(verify("diff", base, base, *arguments), HOSTILE, SLASH)
    assert_named([path for path in paths if path.suffix != ".xml"], HOSTILE, SLASH)
    arguments, paths = reports("diff of specs")
    assert_shown(verify("diff", SPEC, OTHER, *arguments), SLASH)
    assert_named([path for path in paths if path.suffix != ".csv"], SLASH)


def test_a_file_that_cannot_be_read(said):
    broken = Path(f"broken/{SLASH}")
    broken.mkdir(parents=True)
    write_pictures(str(broken), 3, 3, 0.1)
    (broken / f"{HOSTILE}.png").write_text("no picture")
    assert_shown(verify("--spec", SPEC, str(broken), code=(2,)), HOSTILE, SLASH)
    arguments, paths = reports("run")
    assert_shown(verify("--spec", SPEC, str(broken), "--on-error", "skip", *arguments), HOSTILE, SLASH)
    assert_named([path for path in paths if path.suffix not in (".xml", ".csv", ".parquet")], HOSTILE, SLASH)


def test_show(said):
    arguments, paths = reports("spec")
    pictures = [path for path in paths if path.suffix == ".svg"]
    assert_shown(verify("show", SPEC, *SETS, *options("-o", *map(str, pictures))), HOSTILE)
    assert_named(pictures, HOSTILE, SLASH)
    assert_shown(verify("show", MUSIC, *arguments), HOSTILE)


def test_explain(said):
    path = Path(f"out/{HOSTILE}.svg")
    assert_shown(verify("explain", SPEC, SETS[1], "--limit", "4", "-o", str(path)), HOSTILE)
    assert_named([path], HOSTILE)
    paths = [Path(f"out/{HOSTILE}{suffix}") for suffix in (".svg", ".musicxml", ".mid")]
    assert_shown(verify("explain", MUSIC, "sung", *options("-o", *map(str, paths))), HOSTILE)
    assert_named(paths[1:2], HOSTILE)
    assert SHOWN[HOSTILE][-4:] in words(paths[0])  # a title as long as there is room


def test_evaluate_and_power(said):
    arguments, paths = reports("evaluation")
    text = verify("evaluate", "--spec", SPEC, "--real", HOSTILE, *SETS, "--sets", "2", *arguments)
    assert_shown(text, HOSTILE, SLASH)
    assert_named(paths, HOSTILE, SLASH)
    arguments, paths = reports("power")
    fault = ["--fault", next(iter(faults_for("image")))]
    text = verify("power", "--spec", SPEC, "--real", HOSTILE, "--alpha", "0.5", *fault, *arguments)
    assert_shown(text, HOSTILE)
    assert_named([path for path in paths if path.suffix != ".csv"], HOSTILE)


def test_a_name_that_is_no_text(said):
    name, shown = os.fsdecode(b"bytes\xff"), r"bytes\udcff"
    try:
        Path(name).mkdir()
    except OSError:
        pytest.skip("this file system has only names that are text")
    rng = np.random.default_rng(4)
    for i in range(8):
        Image.fromarray(rng.integers(0, 256, (16, 16), np.uint8)).save(Path(name) / os.fsdecode(b"\xff%d.png" % i))
    view = options("--view", "kind=image", "height=16", "width=16")
    assert shown in verify("learn", name, "-o", "bytes.yaml", "--hold-out", "0.5", "--rule", "mode-shares", *view)
    arguments, paths = reports("run")
    assert shown in verify("--spec", SPEC, name, *arguments)
    assert shown in verify("evaluate", "--spec", SPEC, "--real", HOSTILE, name, "-o", "bytes.csv")
    assert all(shown in words(path) for path in [*paths, Path("bytes.csv")])


def test_accept(said):
    verify("--spec", SPEC, SETS[1], "-q", "-o", "run.json")
    text = verify("accept", SPEC, "--rule", "mode-shares", "--sample", f"{HOSTILE}.png", "--reason", HOSTILE)
    assert_shown(text, HOSTILE, SLASH)
    assert_shown(verify("diff", OTHER, SPEC), HOSTILE)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_what_is_refused(said, command):
    verify(command, f"--{SLASH}", HOSTILE, code=(2,))
    if command not in ("attack", "sample", "train"):  # PyTorch takes seconds to import
        for arguments in ([HOSTILE], [SLASH, SLASH], ["--spec", HOSTILE, SLASH], [SPEC, SLASH]):
            verify(command, *arguments, code=(0, 1, 2))
