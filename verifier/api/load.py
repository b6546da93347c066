"""Specs, views and rules as a caller names them."""

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from verifier.base.errors import InputError
from verifier.base.files import shipped_folder
from verifier.corpora import corpus as corpora
from verifier.corpora.manifest import manifests
from verifier.corpora.own import Whereabouts
from verifier.corpora.sample_sets import SampleSet, sets_of, whereabouts
from verifier.data.batch import Batch
from verifier.data.medium import kind_of, medium_named, view_of
from verifier.data.tensor import TENSOR_SUFFIXES
from verifier.data.view import View
from verifier.rule.registry import rule_named, rules_for
from verifier.spec import spec as specs
from verifier.spec.spec import Spec

Advance = Callable[..., None]


Progress = Callable[[str, int | None], AbstractContextManager[Advance]]
"""(what is done, how much there is) -> a context in which its value is called with how much more is done."""


SpecLike = str | os.PathLike[str] | Spec
"""A spec; or its name, path or text."""


def quiet(title: str, total: int | None) -> AbstractContextManager[Advance]:
    """No progress is shown."""
    return nullcontext(lambda done, total=None: None)


def load_spec(spec: SpecLike) -> Spec:
    """A spec by the name of one that ships, by the path of a file, or from its text.

    Parameters
    ----------
    spec
        A name that ``spec_names()`` lists (``"bach"``), a path, a YAML text, or a Spec, which is given back.

    Returns
    -------
    Spec

    Raises
    ------
    InputError
        For a name or path that does not exist, with the names there are; for a text that is no spec, with its place.

    Examples
    --------
    >>> load_spec("bach-tequilagan")
    Spec('bach-tequilagan', 5 rules of piano-roll, from 354 groups of bach)
    """
    if isinstance(spec, Spec):
        return spec
    if not isinstance(spec, str | os.PathLike):
        raise InputError("spec", f"expected a Spec, or its name, path or text, found {type(spec).__qualname__}")
    text = os.fspath(spec)
    if "\n" in text:
        return specs.loads(text)
    path = Path(text)
    if not path.exists() and path.name == text and not path.suffix:
        shipped = shipped_folder("specs") / f"{text}.yaml"
        if shipped.is_file():
            return specs.load(shipped)
        raise InputError(text, f"expected a spec file, or one of the specs that ship ({', '.join(spec_names())})")
    return specs.load(path)


def spec_names() -> list[str]:
    """The names of the specs that ship, sorted.

    Examples
    --------
    >>> "bach" in spec_names()
    True
    """
    return sorted(path.stem for path in shipped_folder("specs").glob("*.yaml"))


def view_for(corpus: str, settings: Mapping[str, Any]) -> View:
    """The view in which a corpus is usually learned, with ``settings`` (as in a spec file) in place of its own: for
    files that music is not in, the view of the medium that they are of.

    Raises
    ------
    InputError
        For what is no setting of the view, or a value that it cannot have.
    """
    import msgspec

    usual = next((manifest.view for manifest in manifests() if manifest.name == corpus), None)
    if usual is None:
        usual = {} if "kind" in settings or not corpus else _fitting(Path(corpus))
    if "kind" in settings and settings["kind"] != usual.get("kind", corpora.DEFAULT):
        usual = {}
    try:
        return view_of({**usual, **settings}, corpora.DEFAULT)
    except msgspec.ValidationError as error:
        raise InputError("view", str(error).replace("`", "'")) from None


def _fitting(path: Path) -> dict[str, Any]:
    """The settings of the view of a medium that reads a file, or a file in a folder, if music is none of them."""
    files = [path] if path.is_file() else sorted(path.rglob("*")) if path.is_dir() else []
    files = [file for file in files if not file.name.startswith(".") and file.is_file()]
    if any(medium_named(corpora.DEFAULT).is_file(file.name) or file.suffix in TENSOR_SUFFIXES for file in files):
        return {}
    found = [(kind, file) for file in files if (kind := kind_of(file.name))]
    if not found:
        return {}
    kind, file = min(found, key=lambda entry: entry[0])
    return {"kind": kind, **medium_named(kind).view_like(file)}


def chosen_rules(
    kind: str, rules: Iterable[str] | Mapping[str, Mapping[str, Any]] | None = None, skip: Iterable[str] = ()
) -> dict[str, dict[str, Any]]:
    """Rule name -> options: of all rules for a kind of view, or of those named in ``rules``, less those in ``skip``.

    Raises
    ------
    InputError
        For a name that is no rule for that kind.
    """
    given = dict(rules) if isinstance(rules, Mapping) else {name: {} for name in rules or ()}
    skipped = list(skip)
    for place, names in (("rules", given), ("skip", skipped)):
        for name in names:
            rule_named(name, kind, place)
    return {
        name: dict(given.get(name, {}))
        for name in rules_for(kind)
        if (not given or name in given) and name not in skipped
    }


def corpus_of(spec: Spec, corpus: str | os.PathLike[str] | None) -> Whereabouts:
    """Where the files that a spec was learned from may lie: at ``corpus``, if that is said, or where the spec has them.

    Raises
    ------
    InputError
        If a path is said for a corpus that is known by name.
    """
    return whereabouts(spec.corpus, corpus, spec.surroundings.file)


def open_sets(
    spec: Spec, samples: Any, corpus: str | os.PathLike[str] | None = None, **options: Any
) -> list[SampleSet]:
    """The sample sets that ``samples`` are under a spec, whose files lie at ``corpus``; ``options`` are those of
    ``sets_of``.
    """
    return sets_of(samples, spec.view, spec.corpus, where=corpus_of(spec, corpus), **options)


def advancing(samples: SampleSet, advance: Advance) -> Iterable[Batch]:
    """The samples of a set; ``advance`` hears of each Batch when it was used."""
    for batch in samples.batches():
        yield batch
        advance(len(batch))


def is_path(samples: object) -> bool:
    """Whether samples or runs are named by text."""
    return isinstance(samples, str | os.PathLike)
