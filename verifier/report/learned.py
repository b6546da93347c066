"""What a spec has learned, as a picture: the panels of its rules."""

from collections.abc import Mapping
from pathlib import Path

from verifier.base.errors import InputError, printable
from verifier.draw.charts import COLOURS, WIDTH, Overlay, height_of
from verifier.draw.layout import Drawing, draw, panels_of, place
from verifier.draw.text import plain
from verifier.rule.charts import Panel, Ribbon, Values
from verifier.rule.rule import Rule
from verifier.spec.spec import Spec

LABEL = 36
"""Letters of the name of a sample set, the last ones."""
SETS = ("#cc3311", "#228833", "#aa3377", "#ccbb44", "#66ccee", "#222222")
"""Of sample sets that are drawn over the corpus."""


def require_panels(place: object, spec: Spec) -> None:
    """Raise InputError if no rule of the spec has anything to draw."""
    if not _panels(spec):
        rules = ", ".join(rule.name() for rule in spec.rules)
        raise InputError(place, f"expected a rule that can be drawn, found {rules}")


def require_comparable(path: Path, spec: Spec) -> None:
    """Raise InputError if no rule of the spec has a panel over which samples can be drawn."""
    if not any(isinstance(panel, Ribbon | Values) for _, panel in _panels(spec)):
        rules = ", ".join(rule.name() for rule in spec.rules)
        raise InputError(path, f"expected a rule of numbers or of values to draw samples over, found {rules}")


def write(spec: Spec, path: Path, sets: Mapping[str, Mapping[str, Rule]] | None = None) -> None:
    """Draw every panel of every rule, in two columns; with what the rules of a spec learned from sample ``sets``, by
    label and by rule, over those panels that show numbers or values. Raises InputError if there is no panel.
    """
    require_panels(f"spec {spec.name}", spec)
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt
    from matplotlib.patches import Patch

    colours = {label: SETS[at % len(SETS)] for at, label in enumerate(sets or {})}
    panels = []
    for rule, panel in _panels(spec):
        over = [
            Overlay(other, colours[label])
            for label, rules in (sets or {}).items()
            for other in panels_of(rules[rule.name()], spec.view)
            if type(other) is type(panel)
        ]
        panels.append(Drawing(rule.name(), panel, over if isinstance(panel, Ribbon | Values) else ()))
    placed, height = place(panels, min(2, len(panels)), 0.75 + 0.3 * -(-(len(colours) + bool(colours)) // 4))
    width = min(2, len(panels)) * WIDTH + 0.3
    figure = plt.figure(figsize=(width, height))
    title = f"{plain(spec.name)}: what was learned, of a corpus of {spec.corpus.pieces:,} pieces"
    figure.text(0.3 / width, 1 - 0.4 / height, title, fontsize=14, weight="bold")
    if colours:
        shown = {"corpus": COLOURS[0], **{printable(label): colour for label, colour in colours.items()}}
        figure.legend(
            handles=[
                Patch(color=colour, label=plain(label if len(label) <= LABEL else f"...{label[-LABEL:]}"))
                for label, colour in shown.items()
            ],
            loc="upper left",
            bbox_to_anchor=(0.2 / width, 1 - 0.5 / height),
            ncols=4,
            frameon=False,
        )
    draw(figure, placed)
    figure.savefig(path, dpi=110, metadata={"Software": None} if path.suffix == ".png" else None)
    plt.close(figure)


def _panels(spec: Spec) -> list[tuple[Rule, Panel]]:
    """The panels in the order of the rules, the tall ones first, so that the columns come out even."""
    found = [(rule, panel) for rule in spec.rules for panel in panels_of(rule, spec.view)]
    return sorted(found, key=lambda item: -height_of(item[1]))
