"""Recorded speech against speech: real speakers that no rule has heard, noise, generators, and vocoders.

    python benchmarks/speech.py speakers                               # is real speech flagged as often as it should?
    python benchmarks/speech.py one SPEAKER                            # what does a spec of one say of the others?
    python benchmarks/speech.py paper [--generated NAME=FILE.npz]      # the speech tables of TequilaGAN
    python benchmarks/speech.py vocoders REAL GENERATED...             # folders of the same utterances

``speakers``: each of the speakers in turn is tested on; of the others one is held out, as a split by folder does, and
the rest are learned from, each scored by what the others of these teach. Nothing of a tested speaker is in the spec.

``one``: learned from recordings of a single speaker, and tested on others of the same, on each other speaker, and on
exponential noise.

``paper``: intensities, and the four moments of spectral centroid and slope, of held-out real speech, of exponential
noise of the same mean, and of samples of generators, each against what was learned (Valle, Cai and Doshi,
arXiv:1807.04919). A moment's cell has its mean, its standard deviation, and the distance (KS) from the learned windows.

``vocoders``: every real recording is scored by rules learned from the others, every generated one by rules learned from
all real ones but that of its utterance, which the number in its name tells. Both have as much real data behind them.
"""

import argparse
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import scipy.stats
from numpy.typing import NDArray
from paper import print_table

from verifier.audio.features.frame_moments import MOMENTS
from verifier.audio.read import read_audio
from verifier.audio.rules.spectral_centroid import SpectralCentroid
from verifier.audio.rules.spectral_slope import SpectralSlope
from verifier.audio.view import MelView
from verifier.corpora import corpus as corpora
from verifier.data.batch import Batch, concatenate
from verifier.data.medium import batch_of, view_of
from verifier.data.paths import open_path
from verifier.data.view import View
from verifier.rule.registry import rules_for
from verifier.rule.rule import Rule, merge_all
from verifier.spec.provenance import CorpusRecord, Split
from verifier.spec.spec import Spec
from verifier.values.noise import exponential
from verifier.values.rules.intensity_distribution import IntensityDistribution
from verifier.verbs import check, evaluate, learn, tallies

Floats = NDArray[np.float64]
State = tuple[Rule, ...]


RULES = {
    name: rule
    for name, rule in rules_for("mel-spectrogram").items()
    if name not in ("intensity-modes", "mode-shares")  # a spectrogram is not black and white
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="what", required=True)
    verbs.add_parser("speakers").add_argument("--alpha", type=float, default=0.05)
    verbs.add_parser("one").add_argument("speaker")
    paper = verbs.add_parser("paper")
    paper.add_argument("--generated", action="append", default=[], metavar="NAME=FILE", help="samples (n, 64, 64)")
    folders = verbs.add_parser("vocoders")
    folders.add_argument("real", type=Path)
    folders.add_argument("generated", type=Path, nargs="+")
    folders.add_argument("--window", type=int, help="frames of a sample (default: recordings whole)")
    options = parser.parse_args()
    if options.what == "vocoders":
        vocoders(options.real, options.generated, options.window)
        return
    corpus = corpora.load("speech")
    manifest = next(each for each in corpora.names() if each.name == "speech")
    view = view_of(manifest.view, manifest.medium)
    if options.what == "speakers":
        speakers(batch_of(corpus.pieces, view), options.alpha)
    elif options.what == "one":
        one_speaker(batch_of(corpus.pieces, view), options.speaker)
    else:
        learned, held_out = (batch_of(part, view) for part in corpora.split(corpus))
        generated = dict(text.split("=", 1) for text in options.generated)
        tables(learned, held_out, {name: samples(Path(path), view) for name, path in generated.items()})


def speaker(group: str) -> str:
    return corpora.unit(group, Split(by="folder"))


def samples(path: Path, view: View) -> Batch:
    return concatenate(view, list(open_path(str(path), view).batches()))


def states(batch: Batch) -> State:
    return tuple(rule.learn(batch) for rule in RULES.values())


def merged(parts: Sequence[State]) -> State:
    return tuple(merge_all(list(of_rule)) for of_rule in zip(*parts, strict=True))


def spec_of(view: View, parts: dict[str, tuple[State, Batch]], held_out: Batch, unit: Callable[[str], str]) -> Spec:
    """A spec learned from parts, each also scored by what the others teach, and calibrated."""
    folds = [
        learn.Fold(merged([state for other, (state, _) in parts.items() if other != name]), batch)
        for name, (_, batch) in parts.items()
    ]
    learned = merged([state for state, _ in parts.values()])
    rules, calibration = learn.calibrate(learned, held_out, folds, unit)
    record = CorpusRecord(name="speech", split=Split(), source="", licence="", pieces=0, groups=0, sha256="")
    return Spec(name="speech", view=view, corpus=record, rules=rules, calibration=calibration)


def speakers(batch: Batch, alpha: float) -> None:
    """A row a speaker: the windows and recordings that are flagged, what spoke, the verdict, and the domain."""
    parts = by_speaker(batch)
    names = list(parts)
    learned = {name: (states(part), part) for name, part in parts.items()}
    rows, shares = [], []
    for tested in names:
        # The held-out speaker among the others is the one that the split of the corpus would choose.
        others = sorted((name for name in names if name != tested), key=lambda name: corpora._rank(0, name))
        spec = spec_of(batch.view, {name: learned[name] for name in others[1:]}, parts[others[0]], speaker)
        result = check.judge(spec, tallies.tally(spec, [parts[tested]]), alpha=alpha)
        assert result.flagged is not None
        assert result.flagged_groups is not None
        spoke = [flag.rule for flag in result.flagged]
        loudest = sorted(set(spoke), key=lambda rule: -spoke.count(rule))[:2]
        shares.append((len(result.flagged) / result.samples, len(result.flagged_groups) / result.groups))
        failing = ", ".join(name for name, rule in result.rules.items() if rule.verdict == "fail")
        rows.append(
            [
                tested,
                f"{result.samples:,}",
                f"{result.groups:,}",
                *(f"{share:.3f}" for share in shares[-1]),
                ", ".join(f"{rule} {spoke.count(rule) / len(spoke):.0%}" for rule in loudest),
                result.verdict + (f" ({failing})" if failing else ""),
                "" if not result.domain else result.domain.words(),
            ]
        )
    means = np.mean(shares, axis=0)
    rows.append(["mean of speakers", "", "", *(f"**{mean:.3f}**" for mean in means), "", "", ""])
    header = [
        "speaker",
        "windows",
        "recordings",
        f"windows flagged at {alpha:g}",
        "recordings",
        "by",
        "verdict",
        "domain",
    ]
    print_table(header, rows)


def by_speaker(batch: Batch) -> dict[str, Batch]:
    of = np.array([speaker(group) for group in batch.groups])
    return {name: batch.take(np.flatnonzero(of == name)) for name in sorted(set(of.tolist()))}


def one_speaker(batch: Batch, name: str) -> None:
    """Of twelve parts of the speaker's recordings ten are learned from, one is held out and one tested on."""
    voices = by_speaker(batch)
    own = voices.pop(name)
    groups = sorted(set(own.groups), key=lambda group: corpora._rank(0, group))
    part = {group: at % 12 for at, group in enumerate(groups)}
    of = np.array([part[group] for group in own.groups])
    parts = [own.take(np.flatnonzero(of == at)) for at in range(12)]
    spec = spec_of(batch.view, {str(at): (states(parts[at]), parts[at]) for at in range(10)}, parts[10], str)
    noise = exponential(parts[11], np.random.default_rng(0))
    rows = []
    for label, tested in {f"{name}, unseen": parts[11], **voices, "exponential": noise}.items():
        result = check.judge(spec, tallies.tally(spec, [tested]))
        assert result.flagged is not None
        failing = [f"{rule} x{found.ratio or 0:.1f}" for rule, found in result.rules.items() if found.verdict == "fail"]
        rows.append(
            [
                label,
                f"{result.samples:,}",
                f"{len(result.flagged) / result.samples:.3f}",
                result.verdict,
                result.domain.words() if result.domain else "",
                ", ".join(failing),
            ]
        )
    print_table(["tested", "windows", "flagged", "verdict", "domain", "rules that fail, by times the real rate"], rows)


def tables(learned: Batch, held_out: Batch, generated: dict[str, Batch]) -> None:
    """Intensities, then the moments of centroids and of slopes."""
    rng = np.random.default_rng(0)
    columns = {"held-out real": held_out, "exponential": exponential(held_out, rng), **generated}
    rule = IntensityDistribution.learn(learned)
    measures = {name: rule.measures(IntensityDistribution.learn(batch)) for name, batch in columns.items()}
    titles = {
        "ks": "KS",
        "jsd": "JSD, nats",
        "ks-8-bit": "KS after rounding to 8 bit",
        "jsd-8-bit": "JSD after rounding",
    }
    print_table(
        ["intensities", *(f"{name} ({len(batch):,})" for name, batch in columns.items())],
        [[title, *(f"{found[key]:.4f}" for found in measures.values())] for key, title in titles.items()],
    )
    for moments in (SpectralCentroid(), SpectralSlope()):
        real = moments.measure(learned)
        found = {name: moments.measure(batch) for name, batch in columns.items()}
        rows = []
        for at in range(len(MOMENTS)):
            axis = moments.axis(at)
            cells = [moment_cell(values[:, at], real[:, at]) for values in found.values()]
            title = f"{axis.name}, {axis.unit}" if axis.unit else axis.name
            rows.append([title, moment_cell(real[:, at], None), *cells])
        print()
        print_table([moments.name(), f"learned ({len(learned):,})", *columns], rows)


def moment_cell(values: Floats, real: Floats | None) -> str:
    """``1,204 +- 310, KS .12``."""
    values = values[~np.isnan(values)]
    if not len(values):
        return "undefined"
    text = f"{values.mean():,.4g} +- {values.std():,.3g}"
    if real is None:
        return text
    return f"{text}, KS {scipy.stats.ks_2samp(values, real[~np.isnan(real)]).statistic:.3f}"


def vocoders(real_folder: Path, generated_folders: Sequence[Path], window: int | None) -> None:
    """A table for each folder: the AUROC of each rule, of recordings."""
    view = MelView(sample_rate=22050, window=window)  # the parameters of TequilaGAN, at the rate of these files
    real = recordings(real_folder, view)
    state = {number: states(batch) for number, batch in real.items()}
    names = list(RULES)
    without = {}  # of each utterance, the spec that knows nothing of it
    for number in real:
        held_out, *rest = (other for other in real if other != number)
        without[number] = spec_of(
            view, {str(other): (state[other], real[other]) for other in rest}, real[held_out], str
        )
    of_real = [scored(without[number], batch, names) for number, batch in real.items()]
    for folder in generated_folders:
        fake = recordings(folder, view)
        of_fake = [scored(without[number], batch, names) for number, batch in fake.items() if number in without]
        print(f"\n{folder.name}: {len(of_fake)} generated recordings against {len(of_real)} real ones\n")
        keys = [*names, evaluate.ALL]
        groups = [[f"{side} {i}" for i in range(len(found))] for side, found in (("r", of_real), ("f", of_fake))]
        sides = [
            evaluate.Scores(own, {key: np.array([each[at] for each in found]) for at, key in enumerate(keys)})
            for own, found in zip(groups, (of_real, of_fake), strict=True)
        ]
        rows = []
        for key in keys:
            told = evaluate.told(sides[0], sides[1], key)
            rows.append([key, f"{told.auroc:.2f}", f"{told.interval[0]:.2f} to {told.interval[1]:.2f}"])
        print_table(["rule", "AUROC", "95 % interval over recordings"], rows)


def recordings(folder: Path, view: MelView) -> dict[int, Batch]:
    """The recordings of a folder by the last number in their names."""
    found = {}
    for path in sorted(folder.glob("*.wav")):
        number = int(re.findall(r"\d+", path.stem)[-1])
        found[number] = concatenate(view, list(read_audio(path, view, name=path.stem)))
    return found


def scored(spec: Spec, batch: Batch, names: Sequence[str]) -> list[float]:
    """Of a recording: the mean score of its windows under each rule, and their mean strangeness."""
    found = evaluate.scores(spec, [batch])
    of_keys = (found.rules[key] for key in (*names, evaluate.ALL))
    return [float(np.mean(np.where(np.isfinite(values), values, 0))) for values in of_keys]


if __name__ == "__main__":
    main()
