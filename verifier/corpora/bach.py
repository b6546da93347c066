"""The four-part chorales of Bach that the package music21 brings."""

import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from verifier.media.piano_roll import Notes

VERSION = 1
"""To be raised by whoever changes what is loaded: cached pieces are then parsed anew."""

PARTS = 4


def read(progress: Callable[[int, int], None] | None = None) -> list[Notes]:
    """Parse the chorales; each is its own group.

    ``progress`` is called after each file, with the number of files done and the number there are.
    """
    from music21 import converter, corpus, stream

    from verifier.media.symbolic import notes_of_stream

    paths = sorted(corpus.getComposer("bach"), key=lambda path: path.name)
    names = _names(paths)
    pieces = []
    for done, path in enumerate(paths, 1):
        if not _has_more_parts(path):
            # music21 would write pickles of what it parsed and read them back: both are refused.
            score = converter.parse(path, forceSource=True, storePickle=False)
            if isinstance(score, stream.Score) and len(score.parts) == PARTS:
                pieces.append(notes_of_stream(score, name=names[path], group=names[path]))
        if progress is not None:
            progress(done, len(paths))
    return sorted(pieces, key=lambda piece: piece.name)


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
