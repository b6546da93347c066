"""How well the containers of samples tell generated from real ones, before any rule; and making them alike."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from msgspec import structs

from verifier.api.load import Progress, quiet
from verifier.base.errors import InputError, require_between, require_whole
from verifier.base.files import replacing_folder
from verifier.base.text import encodable
from verifier.corpora.sample_sets import SampleSet
from verifier.corpora.stored import StoredSet, open_stored, stored_of
from verifier.data.array_container import ArrayContainer
from verifier.data.container import Container, Property, Stored
from verifier.data.medium import medium_named
from verifier.verbs.audit import Audit, Audited, Equalised
from verifier.verbs.audit import audit as compare_containers

ARRAYS = "arrays"
"""What the medium is called where both sides are arrays."""
QUICK = 300
"""Samples of each side that ``first_telling`` looks at."""


def audit(
    real: Any,
    *generated: Any,
    groups: Literal["file", "folder"] = "file",
    above: float = 0.5,
    limit: int | None = None,
    equalise: str | os.PathLike[str] | None = None,
    progress: Progress = quiet,
) -> Audit:
    """How well format, size, length, loudness and metadata alone tell generated from real samples, before any rule.

    Parameters
    ----------
    real, generated
        A file, a folder, a glob, CORPUS:PART, or an array; of generated ones several, or a dict of them.
    groups
        What is independent: each file, or each folder, if samples of one folder were made of one thing.
    above
        The area under the curve from which on a property is said to tell, if its interval lies above it.
    limit
        At most so many samples of each side, which lie evenly.
    equalise
        A new folder, into which the samples of all sides are written alike; they are then audited again.

    Returns
    -------
    Audit
        Of each generated set the properties that tell, the best first.

    Raises
    ------
    InputError
        For what cannot be read, for sides of different media, and for a folder that is there already.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> audit(rng.integers(0, 255, (50, 8, 8)), rng.integers(0, 255, (50, 9, 8)))
    Audit(real='real', generated: shape 1.00)
    """
    _require_options(groups, above, limit)
    opened = [open_stored(real, "real"), *_generated(generated)]
    folder = None if equalise is None else Path(equalise)
    if folder is not None:
        _require_new(folder)
    kind = _kind(opened)
    container = _container(kind)
    options: dict[str, Any] = {"limit": limit, "by_folder": groups == "folder", "keep_source": folder is not None}
    of_real, *fakes = (_read(each, container, progress, **options) for each in opened)
    labels = [each.label for each in opened]
    by_label = dict(zip(labels[1:], fakes, strict=True))
    found = compare_containers(kind, labels[0], of_real, by_label, _properties(container), above=above)
    if folder is None:
        return found
    words, paths = _equalise(container, [of_real, *fakes], labels, folder, progress)
    again = _again(kind, container, paths, labels[1:], groups == "folder", above, progress)
    return structs.replace(found, equalised=Equalised(folder=encodable(str(folder)), words=words, audit=again))


def _require_options(groups: str, above: float, limit: int | None) -> None:
    require_between("above", above, 0.5, 1)
    if limit is not None:
        require_whole("limit", limit)
    if groups not in ("file", "folder"):
        raise InputError("groups", f"expected file or folder, found {groups!r}")


def first_telling(real: SampleSet, generated: Sequence[SampleSet]) -> dict[str, Audited | None]:
    """The audits, by label, of some samples of sets that are opened already, each against the real one, which is read
    once; None where one of the two has no container, or another.
    """
    of_real, read = stored_of(real), dict[str, list[Stored]]()

    def told(fakes: StoredSet | None) -> Audited | None:
        if of_real is None or fakes is None or bool(of_real.kinds) != bool(fakes.kinds):
            return None  # arrays are no files of the medium, and reading makes them the same
        try:
            kind = _kind([of_real, fakes])
            container = _container(kind)
            read[kind] = read.get(kind) or of_real.read(container, limit=QUICK)
            found = fakes.read(container, limit=QUICK)
        except InputError:  # whoever reads the samples says what is wrong with them
            return None
        return compare_containers(kind, "", read[kind], {"": found}, _properties(container)).generated[""]

    return {each.label: told(stored_of(each)) for each in generated}


def _generated(generated: Sequence[Any]) -> list[StoredSet]:
    if not generated:
        raise InputError("generated", "expected at least one sample set, found none")
    if len(generated) == 1 and isinstance(generated[0], Mapping):
        labelled = {str(label): samples for label, samples in generated[0].items()}
        return [_labelled(open_stored(samples, label), label) for label, samples in labelled.items()]
    names = ["generated"] if len(generated) == 1 else [f"generated {i}" for i in range(1, len(generated) + 1)]
    opened = [open_stored(samples, name) for samples, name in zip(generated, names, strict=True)]
    repeated = [label for label, count in Counter(each.label for each in opened).items() if count > 1]
    if repeated:
        raise InputError(repeated[0], "stands there twice; each is compared by itself")
    return opened


def _again(
    kind: str,
    container: Container,
    paths: Sequence[str],
    labels: Sequence[str],
    by_folder: bool,
    above: float,
    progress: Progress,
) -> Audit:
    """The audit of what was written alike."""
    real, *fakes = (_read(open_stored(path), container, progress, by_folder=by_folder) for path in paths)
    known = {
        key: each._replace(of_content=each.of_content or each.of_coding) for key, each in _properties(container).items()
    }
    return compare_containers(kind, paths[0], real, dict(zip(labels, fakes, strict=True)), known, above=above)


def _labelled(opened: StoredSet, label: str) -> StoredSet:
    """The same samples under another name."""
    return StoredSet(label=label, items=opened.items, kinds=opened.kinds)


def _kind(opened: Sequence[StoredSet]) -> str:
    """The medium of all sides: that of most files of the real one. Raises InputError for another on some side."""
    kinds = [each.kinds.most_common(1)[0][0] for each in opened if each.kinds]
    if not kinds:
        return ARRAYS
    for each in opened:
        if each.kinds and kinds[0] not in each.kinds:
            found = ", ".join(each.kinds)
            raise InputError(
                each.label, f"expected files of the medium {kinds[0]}, as {opened[0].label}, found {found}"
            )
    return kinds[0]


def _container(kind: str) -> Container:
    container = ArrayContainer() if kind == ARRAYS else medium_named(kind).container()
    if container is None:
        raise InputError("audit", f"nothing is known of the files of the medium {kind}")
    return container


def _properties(container: Container) -> dict[str, Property]:
    """Those of files of the medium, and of arrays, which may stand on one side."""
    return {**ArrayContainer.properties, **container.properties}


def _read(opened: StoredSet, container: Container, progress: Progress, **options: Any) -> list[Stored]:
    with progress(opened.label, len(opened.items)) as advance:
        return opened.read(container, advance=advance, **options)


def _require_new(folder: Path) -> None:
    if folder.exists() or folder.is_symlink():
        raise InputError(folder, "expected a folder that does not exist yet: nothing is overwritten")
    if not folder.parent.is_dir() or not os.access(folder.parent, os.W_OK):
        raise InputError(folder, f"expected a folder that can be written to, found that {folder.parent} cannot")


def _equalise(
    container: Container, sides: Sequence[Sequence[Stored]], labels: Sequence[str], folder: Path, progress: Progress
) -> tuple[tuple[str, ...], list[str]]:
    """Write all sides alike, each into a folder of its own below ``folder``, which is there when all of it is. Gives
    what they became, and these folders.
    """
    if not isinstance(container, ArrayContainer) and any("shape" in each.facts for side in sides for each in side):
        raise InputError("--equalise", "expected files of one medium on every side, or arrays, found both")
    equaliser = container.equaliser([each for side in sides for each in side])
    names = ["real", *_folder_names(labels[1:])]
    with replacing_folder(folder) as temporary:
        for name, label, side in zip(names, labels, sides, strict=True):
            with progress(f"equalising {label}", len(side)) as advance:
                taken: set[Path] = set()
                for each in side:
                    path = _place(temporary / name, each.name, equaliser.suffix, taken)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    equaliser.write(each, path)
                    advance(1)
        _require_new(folder)
    return tuple(equaliser.words), [str(folder / name) for name in names]


def _folder_names(labels: Sequence[str]) -> list[str]:
    if len(labels) == 1:
        return ["generated"]
    ends = [Path(label).stem.replace(":", "-") or "generated" for label in labels]
    return [end if ends.count(end) == 1 and end != "real" else f"{end}-{i}" for i, end in enumerate(ends, 1)]


def _place(folder: Path, name: str, suffix: str, taken: set[Path]) -> Path:
    """Where a sample is written: under its name with another suffix, or after it if another sample has that."""
    inside = Path(*(part for part in Path(name).parts if part not in ("..", "/")))
    path = folder / inside.with_suffix(suffix)
    if path in taken or "[" in name:
        path = folder / f"{inside}{suffix}"
    taken.add(path)
    return path
