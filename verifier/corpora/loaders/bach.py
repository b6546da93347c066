"""The four-part chorales of Bach that the package music21 brings."""

import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from verifier.corpora.loaders import scores
from verifier.music.notes import Notes

VERSION = 3
"""To be raised by whoever changes what is loaded: cached pieces are then parsed anew."""

PARTS = 4


def read(progress: Callable[[int, int], None] | None = None) -> list[Notes]:
    """Parse the chorales; each is its own group.

    ``progress`` is called after each file, with the number of files done and the number there are.
    """
    from music21 import corpus

    paths = sorted(corpus.getComposer("bach"), key=lambda path: path.name)
    return scores.read_all(list(_names(paths).items()), _chorale, progress)


def _chorale(file: tuple[Path, str]) -> Notes | None:
    """The chorale at a path, under a name; None if it has not PARTS parts."""
    from music21 import converter, stream

    from verifier.music.read.score import notes_of_stream

    path, name = file
    if _has_more_parts(path):
        return None
    # music21 would write pickles of what it parsed and read them back: both are refused.
    score = converter.parse(path, forceSource=True, storePickle=False)
    if not isinstance(score, stream.Score) or len(score.parts) != PARTS:
        return None
    return notes_of_stream(score, name=name, group=name)


def _has_more_parts(path: Path) -> bool:
    """Whether a MusicXML file declares more than PARTS parts, and need not be parsed: a quarter of the whole time."""
    texts = []
    if path.suffix == ".xml":
        texts = [path.read_bytes()]
    elif path.suffix == ".mxl":
        with zipfile.ZipFile(path) as archive:
            texts = [archive.read(name) for name in archive.namelist() if not name.startswith("META-INF/")]
    return sum(text.count(b"<score-part ") for text in texts) > PARTS


def _names(paths: Sequence[Path]) -> dict[Path, str]:
    """The name of each file without what comes after the last dot, unless two files would then have the same name."""
    often = Counter(path.stem for path in paths)
    return {path: path.stem if often[path.stem] == 1 else path.name for path in paths}
