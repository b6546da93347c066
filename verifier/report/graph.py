"""What a rule has learned as a graph, for other tools: GraphML."""

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from verifier.base.errors import InputError
from verifier.spec.spec import Spec


@runtime_checkable
class Graphic(Protocol):
    """A rule that is a graph."""

    def graph(self) -> Any:
        """What it learned, as networkx has it."""
        ...


def write(spec: Spec, path: Path) -> None:
    """Write the graph of the first rule of the spec that is one. Raises InputError if none is."""
    import networkx

    for rule in spec.rules:
        if isinstance(rule, Graphic):
            networkx.write_graphml(rule.graph(), path)
            return
    listed = ", ".join(rule.name() for rule in spec.rules)
    raise InputError(
        f"spec {spec.name}", f"expected a rule that is a graph, such as chroma-transitions, found {listed}"
    )
