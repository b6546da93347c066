"""The route matrix: the same real pieces, which the spec never saw, written in every way that a user would come by.

    python benchmarks/routes.py [--medium music] [--route NAME ...] [--spec shipped] [--splits 5] [--rules]
        [--work build/routes] [--fresh]
    python benchmarks/routes.py --power [--generated NAME=FOLDER ...]
    python benchmarks/routes.py --sizes [--medium pictures]

The verdict is to follow what a file holds, not how it was written: of real pieces a share of alpha is flagged on every
route, and the set fails in at most a share of alpha. For each route stands what it loses, and what is said first.

By default the corpus is split anew, as in benchmarks/calibration.py: a fifth of the groups (of speech, a speaker) is
tested on, a quarter of the rest calibrated on, the others are learned; no work is in two parts. The specs are kept in
--work (about a minute each; ``--fresh`` learns them again). Digits are tested on MNIST's own test files, which need no
split: each draws others. ``--spec shipped`` is quick and too easy: the held-out pieces of a shipped spec are what it
was calibrated on. ``--route`` takes parts of names. ``--rules`` lists the rules that flag and that fail.

``--power``: how well edited chorales, and folders of generated ones, are told from real ones that come by the same
route. ``--sizes``: the verdicts of real sets of 1, 3, 5, 20, 100 and 1,000 samples or pieces.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks import routes_music, routes_pictures, routes_power, routes_sizes, routes_sound
from benchmarks.routes_worlds import Route, World, judged, re_split, read, shipped
from verifier.base.errors import InputError
from verifier.base.statistics import rate_interval
from verifier.spec.run import SetResult

MEDIA = {"music": routes_music.ROUTES, "sound": routes_sound.ROUTES, "pictures": routes_pictures.ROUTES}
ORDER = ("pass", "undecided", "fail", "processed", "out of domain", "refused")
RIGHT = {"music": (0.03, 0.07), "sound": (0.03, 0.08), "pictures": (0.03, 0.08)}
"""The share of real samples that may be flagged."""


@dataclass
class Row:
    """What one route showed over all worlds: of each window whether it is flagged, and its piece."""

    route: Route
    hits: list[bool] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    flagged_groups: int = 0
    groups: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    said: list[str] = field(default_factory=list)
    flagged_by: Counter[str] = field(default_factory=Counter)
    failed_by: Counter[str] = field(default_factory=Counter)

    def add(self, result: SetResult, names: Sequence[str], pieces: Sequence[str]) -> None:
        flagged = {flag.sample: flag.rule for flag in result.flagged or ()}
        self.hits += [name in flagged for name in names]
        self.pieces += pieces
        self.flagged_by.update(flagged.values())
        self.flagged_groups += len(result.flagged_groups or ())
        self.groups += result.groups
        self.verdicts[result.verdict] += 1
        self.failed_by.update(name for name, rule in result.rules.items() if rule.verdict == "fail")
        self.failed_by.update(failing_checks(result))
        domain = [result.domain.words()] if result.domain and result.domain.outside else []
        first = [*result.confounds, *(sign.words() for sign in result.processed), *domain]
        self.said += first[:1]

    def refuse(self, error: Exception) -> None:
        self.verdicts["refused"] += 1
        self.said.append(str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}")

    def join(self, other: "Row") -> None:
        """Add what the route showed over other worlds."""
        for name in ("hits", "pieces", "flagged_groups", "groups", "said"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("verdicts", "flagged_by", "failed_by"):
            getattr(self, name).update(getattr(other, name))

    def share(self) -> float:
        return float(np.mean(self.hits)) if self.hits else float("nan")

    def text(self) -> str:
        n, share, of_pieces = len(self.hits), "", ""
        if n:
            interval = rate_interval(np.array(self.hits, np.int64), np.ones(n, np.int64), self.pieces)
            assert interval is not None
            share = f"{interval.rate:.3f} [{interval.low:.3f}, {interval.high:.3f}]"
            of_pieces = f"{self.flagged_groups / max(self.groups, 1):.3f} of {self.groups:,}"
        verdicts = "/".join(str(self.verdicts[verdict]) for verdict in ORDER)
        said = (self.said[0] if self.said else "").replace("|", "/").replace("\n", " ")[:100]
        loses = self.route.loses or "nothing"
        return f"| {self.route.name} | {loses} | {n:,} | {share} | {of_pieces} | {verdicts} | {said} |"

    def rules(self) -> str:
        n = max(len(self.hits), 1)
        flagged = ", ".join(f"{name} {count / n:.3f}" for name, count in self.flagged_by.most_common())
        failed = ", ".join(f"{name} {count}" for name, count in self.failed_by.most_common())
        return f"    flagged by: {flagged or 'none'}\n    failed by: {failed or 'none'}"


def failing_checks(result: SetResult) -> list[str]:
    """The names of the checks of the set as a whole that fail."""
    if result.whole is None:
        return []
    coverage = {f"coverage of {name}": found for name, found in result.whole.coverage.items()}
    return [name for name, found in {**coverage, **result.whole.checks}.items() if found.verdict == "fail"]


def measured(route: Route, worlds: Sequence[World], alpha: float) -> Row:
    """The pieces of each world, written by the route and checked. Those of all worlds are written and read once."""
    row = Row(route)
    if route.joined and len(worlds) > 1:
        for world in worlds:
            row.join(measured(route, [world], alpha))
        return row
    pieces = list({piece.name: piece for world in worlds for piece in world.test[: route.most]}.values())
    try:
        found = read(route, worlds[0], pieces)
        for world in worlds:
            own = found.of({piece.name for piece in world.test[: route.most]}, pieces)
            row.add(judged(world, own.batch, alpha), own.batch.names, [pieces[at].name for at in own.pieces])
    except (InputError, ImportError) as error:
        row.refuse(error)
    return row


def matrix(routes: Sequence[Route], worlds: dict[str, list[World]], medium: str, alpha: float, rules: bool) -> None:
    columns = ("route", "loses", "windows", "flagged [95 % interval]", "flagged pieces or files", "/".join(ORDER))
    print(f"| {' | '.join(columns)} | first said |")
    print("|---|---|---|---|---|---|---|", flush=True)
    rows = []
    for route in routes:
        rows.append(measured(route, worlds[route.spec], alpha))
        print(rows[-1].text(), flush=True)
        if rules:
            print(rows[-1].rules(), flush=True)
    summary(rows, *RIGHT[medium])


def summary(rows: Sequence[Row], low: float, high: float) -> None:
    """How many of the routes that are ways of writing hold what is asked of them, and which do not."""
    ways = [row for row in rows if not row.route.said]
    off = [row.route.name for row in ways if not low <= row.share() <= high]
    fails = {row.route.name: row.verdicts["fail"] for row in ways if row.verdicts["fail"]}
    refused = [row.route.name for row in ways if row.verdicts["refused"]]
    silent = [row.route.name for row in rows if row.route.said and row.verdicts["fail"] and not row.said]
    sets = sum(row.verdicts.total() for row in ways)
    print(f"\n{len(ways) - len(off)} of {len(ways)} routes flag {low:g} to {high:g}; not: {'; '.join(off) or 'none'}")
    print(
        f"{sum(fails.values())} of {sets} real sets fail: {'; '.join(f'{k} {v}' for k, v in fails.items()) or 'none'}"
    )
    print(f"refused: {'; '.join(refused) or 'none'}")
    print(f"to be said first, and failed without a word: {'; '.join(silent) or 'none'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--medium", choices=list(MEDIA), default="music")
    parser.add_argument("--route", nargs="+", default=[""], metavar="NAME", help="parts of names (default all routes)")
    parser.add_argument("--spec", choices=["re-split", "shipped"], default="re-split")
    parser.add_argument("--splits", type=int, default=5, help="re-splits (default 5)")
    parser.add_argument("--work", type=Path, default=Path("build/routes"), help="where the learned specs are kept")
    parser.add_argument("--fresh", action="store_true", help="learn the specs again")
    parser.add_argument("--alpha", type=float, default=0.05)
    parser.add_argument("--rules", action="store_true", help="list the rules that flag and that fail")
    parser.add_argument("--power", action="store_true", help="tell edited and generated music from real music")
    parser.add_argument("--generated", action="append", default=[], metavar="NAME=FOLDER", help="for --power")
    parser.add_argument("--sizes", action="store_true", help="verdicts of real sets by their size")
    parser.add_argument("--draws", type=int, default=20, help="sets of each size and re-split (default 20)")
    options = parser.parse_args()
    known = routes_sizes.ROUTES[options.medium] if options.sizes else MEDIA[options.medium]
    chosen = [route for route in known if any(part in route.name for part in options.route)]
    worlds = {
        name: [shipped(name)]
        if options.spec == "shipped"
        else [re_split(name, seed, options.work, options.fresh) for seed in range(options.splits)]
        for name in dict.fromkeys(route.spec for route in chosen)
    }
    if options.sizes:
        routes_sizes.table(chosen, worlds, options.draws, options.alpha)
    elif options.power:
        generated = dict(pair.split("=", 1) for pair in options.generated)
        routes_power.table(chosen, worlds, {name: Path(folder) for name, folder in generated.items()}, options.alpha)
    else:
        matrix(chosen, worlds, options.medium, options.alpha, options.rules)


if __name__ == "__main__":
    main()
