"""Which planted faults a spec catches."""

import os
from collections.abc import Sequence

from verifier.api.load import Progress, SpecLike, advancing, corpus_of, load_spec, quiet
from verifier.corpora.sample_sets import open_samples
from verifier.verbs.check import ALPHA
from verifier.verbs.power import PowerTable, trials
from verifier.verbs.power import power as plant_faults


def power(
    spec: SpecLike,
    *,
    real: str | None = None,
    faults: Sequence[str] = (),
    doses: Sequence[float] = (),
    alpha: float = ALPHA,
    limit: int | None = None,
    seed: int = 0,
    corpus: str | os.PathLike[str] | None = None,
    progress: Progress = quiet,
) -> PowerTable:
    """Which planted faults a spec catches, at which dose, and what it is blind to.

    Parameters
    ----------
    spec, alpha, limit, seed, corpus
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
    where = corpus_of(loaded, corpus)
    samples = open_samples(
        real or own, loaded.view, loaded.corpus, limit=limit, seed=seed, keep_source=True, where=where
    )
    with progress(samples.label, samples.total) as advance:
        return plant_faults(
            loaded,
            advancing(samples, advance),
            faults=faults,
            doses=doses,
            alpha=alpha,
            seed=seed,
            crossed=real in (None, own),
        )
