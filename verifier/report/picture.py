"""Piano rolls with their violations marked, as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from verifier.batch import Batch
from verifier.errors import InputError
from verifier.features.durations import notes
from verifier.files import replacing, require_writable
from verifier.places import pitch_name
from verifier.rule import Violation
from verifier.spec import Spec

SUFFIXES = (".png", ".svg", ".pdf")


def require_formats(paths: Sequence[Path]) -> None:
    """Raise InputError, before the work, for a picture that could not be written after it."""
    for path in paths:
        if path.suffix not in SUFFIXES:
            raise InputError(path, f"expected a picture with a suffix of {', '.join(SUFFIXES)}, found {path.suffix!r}")
        require_writable(path)


def write(path: Path, spec: Spec, batch: Batch, found: Mapping[int, Sequence[Violation]], shown: int) -> None:
    """Draw the ``shown`` samples with the most violations: notes in grey, what breaks a rule in the rule's colour."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt
    from matplotlib.patches import Patch

    order = sorted(sorted(found, key=lambda i: (-len(found[i]), i))[:shown])
    colours = {rule.name(): f"C{at % 10}" for at, rule in enumerate(spec.rules)}
    longest = max(int(batch.lengths[i]) for i in order)
    figure, axes = plt.subplots(
        len(order), 1, figsize=(min(8 + longest / 24, 40), 3.2 * len(order)), squeeze=False, layout="constrained"
    )
    for axis, i in zip(axes[:, 0], order, strict=True):
        heard = [pitch for pitch, *_ in notes(batch, i)]
        for pitch, start, steps, _ in notes(batch, i):
            axis.broken_barh([(start, steps)], (pitch - 0.4, 0.8), color="0.55", edgecolor="white", linewidth=0.5)
        for violation in found[i]:
            colour = colours[violation.rule]
            axis.axvline(violation.start, color=colour, linewidth=0.8, alpha=0.5)
            for pitch in violation.pitches:
                axis.broken_barh([(violation.start, violation.steps)], (pitch - 0.4, 0.8), color=colour)
        low, high = (min(heard) - 2, max(heard) + 2) if heard else (batch.view.lowest_pitch, batch.view.highest_pitch)
        axis.set_ylim(low, high)
        axis.set_yticks([pitch for pitch in range(low, high) if pitch % 12 in (0, 7)])
        axis.set_yticklabels([pitch_name(pitch) for pitch in range(low, high) if pitch % 12 in (0, 7)])
        bar = float(batch.meters[i]) * float(batch.view.steps_per_quarter)
        first = -(-int(batch.starts[i]) // bar) * bar
        ticks = []
        while first - batch.starts[i] < int(batch.lengths[i]):
            ticks.append(first - float(batch.starts[i]))
            first += bar
        axis.set_xticks(ticks)
        axis.set_xticklabels([f"bar {int((tick + batch.starts[i]) / bar + 1e-9) + 1}" for tick in ticks])
        axis.set_xlim(0, int(batch.lengths[i]))
        axis.set_title(f"{batch.names[i]}: {len(found[i])} violations", loc="left", fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    used = {violation.rule for i in order for violation in found[i]}
    if used:
        handles = [Patch(color=colours[name], label=name) for name in colours if name in used]
        figure.legend(handles=handles, loc="outside upper right", ncols=len(handles), frameon=False, fontsize=9)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120)
    plt.close(figure)
