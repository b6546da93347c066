"""The verbs for Python: any input (a name, a path, an array, an object) in, a Spec or a Run out.

The command line parses, calls these, and prints.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Literal

from verifier.base.errors import InputError
from verifier.base.files import shipped_folder
from verifier.corpora import corpus as corpora
from verifier.corpora.manifest import manifests
from verifier.corpora.sample_sets import SampleSet, choose, learned_indices, open_samples, sets_of
from verifier.data.batch import Batch
from verifier.data.medium import batch_of, medium_of, view_of
from verifier.data.objects import batch_from
from verifier.data.pieces import BatchPiece
from verifier.data.view import View
from verifier.judge.calibration import require_level
from verifier.judge.sets import indices_of
from verifier.results import Explanation, Run
from verifier.rule.registry import rule_named, rules_for
from verifier.rule.rule import Rule
from verifier.spec import run as records
from verifier.spec import spec as specs
from verifier.spec.provenance import Sampling, Split
from verifier.spec.spec import Spec
from verifier.verbs import diff as diffs
from verifier.verbs import learn as learning
from verifier.verbs.check import ALPHA, Checkers, judge, run_record, tally
from verifier.verbs.evaluate import Evaluation, scores
from verifier.verbs.evaluate import evaluate as compare_scores
from verifier.verbs.explain import explain as find_violations
from verifier.verbs.explain import observed
from verifier.verbs.power import PowerTable, trials
from verifier.verbs.power import power as plant_faults

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
    """The view in which a corpus is usually learned, with ``settings`` (as in a spec file) in place of its own.

    Raises
    ------
    InputError
        For what is no setting of the view, or a value that it cannot have.
    """
    import msgspec

    usual = next((manifest.view for manifest in manifests() if manifest.name == corpus), {})
    if "kind" in settings and settings["kind"] != usual.get("kind", corpora.DEFAULT):
        usual = {}
    try:
        return view_of({**usual, **settings}, corpora.DEFAULT)
    except msgspec.ValidationError as error:
        raise InputError("view", str(error).replace("`", "'")) from None


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


def learn(
    corpus: Any,
    *,
    view: View | Mapping[str, Any] | None = None,
    rules: Iterable[str] | Mapping[str, Mapping[str, Any]] | None = None,
    skip: Iterable[str] = (),
    groups: Sequence[str] | None = None,
    hold_out: float = 0.2,
    limit: int | None = None,
    seed: int = 0,
    name: str | None = None,
    progress: Progress = quiet,
) -> Spec:
    """Learn a spec from real data.

    Parameters
    ----------
    corpus
        The name of a corpus (``verify corpora``), a folder of files, a file of arrays, or samples in memory: a numpy or
        torch array, a Batch, or a list of objects of the libraries that ``check`` takes.
    view
        How files become arrays: a View, or settings as in a spec file, such as ``{"kind": "image", "height": 64}``.
    rules
        Names of the rules to learn, or name -> options; all rules of the medium by default. ``skip`` leaves some out.
    groups
        Of samples in memory, what each was cut from (piece, speaker): those of one group are not independent. By
        default each sample is its own.
    hold_out
        Share of the groups that is held out, to say what real data does that a spec has not seen.
    limit
        Learn from so many windows, chosen by ``seed``, which also decides the split.
    name
        Of the spec; by default that of the corpus.

    Returns
    -------
    Spec
        With its calibration on the groups held out.

    Raises
    ------
    InputError
        For a corpus that cannot be read, a rule, an option or a view that does not exist.

    Examples
    --------
    >>> import numpy as np
    >>> rolls = np.random.default_rng(0).random((100, 64, 64)) < 0.05
    >>> learn(rolls, rules=["polyphony", "pitch-range"], name="noise")
    Spec('noise', 2 rules of piano-roll, from 100 groups of samples)
    """
    return learn_with_silent(
        corpus,
        view=view,
        rules=rules,
        skip=skip,
        groups=groups,
        hold_out=hold_out,
        limit=limit,
        seed=seed,
        name=name,
        progress=progress,
    ).spec


def learn_with_silent(
    corpus: Any,
    *,
    view: View | Mapping[str, Any] | None,
    rules: Iterable[str] | Mapping[str, Mapping[str, Any]] | None,
    skip: Iterable[str],
    groups: Sequence[str] | None,
    hold_out: float,
    limit: int | None,
    seed: int,
    name: str | None,
    progress: Progress,
) -> learning.LearnedSpec:
    """As ``learn``, with the rules that the corpus gave no trial."""
    path = os.fspath(corpus) if isinstance(corpus, str | os.PathLike) else None
    seen = view if isinstance(view, View) else view_for(path or "", view or {})
    chosen = chosen_rules(seen.kind, rules, skip)
    with progress(f"reading {path or 'samples'}", None) as advance:
        loaded = _corpus_of(path, corpus, seen, groups, lambda done, total: advance(1, total))
        how = Split(learn=round(1 - hold_out, 9), hold_out=hold_out, by=loaded.split_by, seed=seed)
        learned_pieces, held_pieces = corpora.split(loaded, how)
        learned, held_out = batch_of(learned_pieces, seen), batch_of(held_pieces, seen)
    sampling = None
    if limit is not None:
        if limit > len(learned):
            raise InputError("limit", f"expected at most the {len(learned):,} windows there are, found {limit}")
        sampling = Sampling(windows=limit, seed=seed)
        learned = learned.take(choose(len(learned), limit, seed))
    with progress("learning", None):
        # What is in memory is no piece that could be read whole again.
        whole = [piece for piece in learned_pieces if not isinstance(piece, BatchPiece)]
        checks = medium_of(seen).set_checks() if len(held_out) and whole else None
        return learning.learn_spec(
            learned,
            held_out,
            chosen,
            name=name or loaded.name,
            corpus=corpora.record_of(loaded, how, sampling),
            unit=lambda group: corpora.unit(group, how),
            indices=indices_of(checks, whole, seen) if checks else {},
        )


def _corpus_of(
    path: str | None, corpus: Any, view: View, groups: Sequence[str] | None, progress: corpora.Progress
) -> corpora.Corpus:
    if path is not None:
        return corpora.load(path, progress=progress, view=view)
    from dataclasses import replace

    batch = corpus if isinstance(corpus, Batch) else batch_from(corpus, view)
    if groups is not None:
        if len(groups) != len(batch):
            raise InputError("groups", f"expected one for each of {len(batch):,} samples, found {len(groups):,}")
        batch = replace(batch, groups=[str(group) for group in groups])
    return corpora.of_batch(batch, "samples")


def check(
    spec: SpecLike,
    samples: Any,
    *,
    rules: Sequence[str] = (),
    skip: Sequence[str] = (),
    limit: int | None = None,
    seed: int = 0,
    alpha: float = ALPHA,
    on_error: Literal["stop", "skip"] = "stop",
    findings: bool = False,
    progress: Progress = quiet,
) -> Run:
    """Count where sample sets break a spec, and judge them.

    Parameters
    ----------
    spec
        See ``load_spec``.
    samples
        One sample set, or several as a dict from a label to each: a path, a glob or a part of a corpus
        (``"bach:hold-out"``); a numpy or torch array on any device, of samples x rows x steps; an iterator of arrays or
        Batches; an object, or a list of objects, of mido, pretty_midi, music21, symusic, muspy, pypianoroll or PIL, or
        pairs (wave, rate). A list of paths is several sets.
    rules, skip
        Names of the only rules to check by, and of rules to leave out.
    limit
        At most so many samples of each set; ``seed`` chooses them, and makes baselines.
    alpha
        Share of real samples that may be flagged, and the chance that a real set fails.
    on_error
        What an unreadable file does.
    findings
        List every violation, so that runs can be compared one by one (``diff``). It takes longer.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        For samples that cannot be read under the view of the spec, and for an alpha that the calibration is too small
        for.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).random((50, 64, 64)) < 0.05
    >>> check("bach-roll", noise).verdict
    'fail'
    """
    loaded = load_spec(spec).selected(rules, skip)
    return check_sets(
        loaded,
        sets_of(samples, loaded.view, loaded.corpus, limit=limit, seed=seed, on_error=on_error),
        alpha=alpha,
        findings=findings,
        progress=progress,
    )


def check_sets(
    spec: Spec, sets: Sequence[SampleSet], *, alpha: float, findings: bool, progress: Progress = quiet
) -> Run:
    """As ``check``, of sample sets that are open."""
    if spec.calibration is not None:
        require_level(alpha, len(spec.calibration.samples), "pieces")
    compares = spec.whole is not None and bool(spec.whole.checks)
    checkers = Checkers.of(spec, learned_indices(spec.corpus, spec.view) if compares else None)
    tallies, results = {}, {}
    for samples in sets:
        with progress(samples.label, samples.total) as advance:
            counted = tally(spec, _advancing(samples, advance), findings=findings, checkers=checkers)
        tallies[samples.label] = counted
        results[samples.label] = judge(spec, counted, samples.unreadable, alpha, checkers)
    return Run(run_record(spec, results, alpha), tallies)


def _advancing(samples: SampleSet, advance: Advance) -> Iterable[Batch]:
    for batch in samples.batches():
        yield batch
        advance(len(batch))


def explain(
    spec: SpecLike,
    samples: Any,
    *,
    rules: Sequence[str] = (),
    skip: Sequence[str] = (),
    limit: int = 3,
    seed: int = 0,
    progress: Progress = quiet,
) -> Explanation:
    """Where and why samples break which rule.

    Parameters
    ----------
    spec, samples, rules, skip, seed
        As for ``check``; one sample set.
    limit
        How many samples a picture or a copy shows, those that break most.

    Returns
    -------
    Explanation

    Raises
    ------
    InputError
        As ``check``.

    Examples
    --------
    >>> import numpy as np
    >>> roll = np.zeros((1, 64, 64), bool)
    >>> roll[0, [24, 25, 26, 27]] = True
    >>> [found.observed for found in explain("bach-roll", roll, rules=["pitch-class-sets"]).violations]
    ['C C# D D#']
    """
    loaded = load_spec(spec).selected(rules, skip)
    sets = sets_of(samples, loaded.view, loaded.corpus, seed=seed)
    if len(sets) != 1:
        raise InputError("samples", f"expected one sample set to explain, found {len(sets)}")
    with progress(sets[0].label, sets[0].total) as advance:
        found = find_violations(loaded, _advancing(sets[0], advance), limit)
    return Explanation(loaded, found, limit)


def evaluate(
    spec: SpecLike,
    generated: Any,
    *,
    real: Any = None,
    rules: Sequence[str] = (),
    skip: Sequence[str] = (),
    set_size: int = 100,
    limit: int | None = None,
    seed: int = 0,
    progress: Progress = quiet,
) -> Evaluation:
    """How well a spec tells the samples of generators from real ones, by rule.

    Parameters
    ----------
    spec, rules, skip, limit, seed
        As for ``check``.
    generated
        Sample sets of generators, as for ``check``; several as a dict.
    real
        Real samples that the spec has not seen; by default those that it held out.
    set_size
        Samples in a set, where whole sets are told apart.

    Returns
    -------
    Evaluation
        AUROC, average precision and the share found at 1 % false, of samples and of sets, with intervals.

    Raises
    ------
    InputError
        As ``check``.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> real, noise = (rng.random((60, 64, 64)) < share for share in (0.01, 0.2))
    >>> found = evaluate("bach-roll", noise, real=real, rules=["polyphony"], set_size=30)
    >>> round(found.generators["samples"].by_sample["polyphony"].auroc, 2)
    1.0
    """
    loaded = load_spec(spec).selected(rules, skip)
    checkers = loaded.compile()
    truth = f"{loaded.corpus.name}:hold-out" if real is None else real
    options: dict[str, Any] = {"limit": limit, "seed": seed}
    of_real = sets_of(truth if _is_path(truth) else {"real": truth}, loaded.view, loaded.corpus, **options)
    if len(of_real) != 1:
        raise InputError("real", f"expected one sample set, found {len(of_real)}")
    found = {}
    fakes = sets_of(generated, loaded.view, loaded.corpus, **options)
    for samples in [*of_real, *fakes]:
        if samples.label not in found:
            with progress(samples.label, samples.total) as advance:
                found[samples.label] = scores(loaded, _advancing(samples, advance), checkers)
    label = of_real[0].label
    told = {samples.label: found[samples.label] for samples in fakes}
    return compare_scores(loaded, label, found[label], told, set_size=set_size, seed=seed)


def _is_path(samples: object) -> bool:
    return isinstance(samples, str | os.PathLike)


def power(
    spec: SpecLike,
    *,
    real: str | None = None,
    faults: Sequence[str] = (),
    doses: Sequence[float] = (),
    alpha: float = ALPHA,
    limit: int | None = None,
    seed: int = 0,
    progress: Progress = quiet,
) -> PowerTable:
    """Which planted faults a spec catches, at which dose, and what it is blind to.

    Parameters
    ----------
    spec, alpha, limit, seed
        As for ``check``.
    real
        A path of real samples to plant in; by default those that the spec held out.
    faults, doses
        The only faults, by name, and doses to try.

    Returns
    -------
    PowerTable

    Raises
    ------
    InputError
        As ``check``, and for a fault or a dose that does not exist.
    """
    loaded = load_spec(spec)
    trials(faults, doses, loaded.view.kind)  # refuses a bad name or dose before the long work
    own = f"{loaded.corpus.name}:hold-out"
    samples = open_samples(real or own, loaded.view, loaded.corpus, limit=limit, seed=seed, keep_source=True)
    with progress(samples.label, samples.total) as advance:
        return plant_faults(
            loaded,
            _advancing(samples, advance),
            faults=faults,
            doses=doses,
            alpha=alpha,
            seed=seed,
            crossed=real in (None, own),
        )


def learned_from(
    spec: Spec, samples: Any, *, limit: int | None = None, seed: int = 0, progress: Progress = quiet
) -> dict[str, dict[str, Rule]]:
    """The rules of ``spec`` as each sample set would have taught them, by label and by rule: what ``show`` draws."""
    found = {}
    for opened in sets_of(samples, spec.view, spec.corpus, limit=limit, seed=seed):
        with progress(opened.label, opened.total) as advance:
            found[opened.label] = observed(spec, _advancing(opened, advance))
    return found


RunLike = str | os.PathLike[str] | Run
"""A run, or the path of its record."""


def diff(a: RunLike | Spec, b: RunLike | Spec) -> records.RunDiff | diffs.SpecDiff:
    """What changed from one run of a spec to another, or from one spec to another.

    Parameters
    ----------
    a, b
        Two runs, or the paths of their records (.json); or two specs, or their names or paths.

    Returns
    -------
    RunDiff or SpecDiff

    Raises
    ------
    InputError
        For one of each, and for runs of different specs.

    Examples
    --------
    >>> diff("bach", "bach-roll").removed[:2]
    ('avoided-patterns', 'cadences')
    """
    names = (_name(a, "A"), _name(b, "B"))
    if are_runs(a, b):
        return diffs.diff_runs(_record(a), _record(b), names)
    return diffs.diff_specs(load_spec(a), load_spec(b), names)  # type: ignore[arg-type]  # no run, as was asked


def are_runs(a: Any, b: Any) -> bool:
    """Whether both are runs, rather than specs. Raises InputError for one of each."""
    of_runs = [isinstance(each, Run) or (_is_path(each) and Path(each).suffix == ".json") for each in (a, b)]
    if of_runs[0] != of_runs[1]:
        place = f"{_name(a, 'A')} and {_name(b, 'B')}"
        raise InputError(place, "expected two run records (.json) or two specs, found one of each")
    return of_runs[0]


def gate(baseline: RunLike, run: RunLike, *, margin: float = 0.0, alpha: float = ALPHA) -> records.Gate:
    """Whether a run got worse than the last accepted one.

    Parameters
    ----------
    baseline, run
        Two runs of one spec, or the paths of their records.
    margin
        Growth of a rate that passes.
    alpha
        Chance that samples of one generator regress, over all rules and sets.

    Returns
    -------
    Gate
        ``regressed`` says so; ``sets`` have every rule.

    Raises
    ------
    InputError
        For runs of different specs or of other sample sets.
    """
    names = (_name(baseline, "the baseline"), _name(run, "this run"))
    return diffs.gate(_record(baseline), _record(run), names, margin, alpha)


def _name(each: object, default: str) -> str:
    return os.fspath(each) if isinstance(each, str | os.PathLike) else getattr(each, "name", default)


def _record(run: Any) -> records.Run:
    return run.record if isinstance(run, Run) else records.load(Path(run))
