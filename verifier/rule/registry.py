"""The registry: the rules of each medium, by name.

Those of a medium are the modules of its package of rules, those of single values (``values.rules``) that are for it,
and those in packages that the entry points ``verifier.rules`` name, each by the kind of view that its rules are for. A
module holds the one rule that its name says: nothing else needs to know of it.
"""

import functools
import importlib
import importlib.metadata
import pkgutil
from collections.abc import Iterator, Mapping

from verifier.base.errors import InputError
from verifier.data.medium import media, medium_named
from verifier.rule.rule import Rule

VALUES = "verifier.values.rules"


@functools.cache
def _modules(kind: str) -> Mapping[str, str]:
    """The name of every rule that may be for a kind of view, and that of its module."""
    further = [entry.value for entry in importlib.metadata.entry_points(group="verifier.rules") if entry.name == kind]
    found: dict[str, str] = {}
    for package in (medium_named(kind).rules, VALUES, *further):
        for info in pkgutil.iter_modules(importlib.import_module(package).__path__):
            name = info.name.replace("_", "-")
            if name in found:
                raise TypeError(f"two rules called {name} for a {kind}: {found[name]} and {package}.{info.name}")
            found[name] = f"{package}.{info.name}"
    return dict(sorted(found.items()))


@functools.cache
def _rule_in(module: str) -> type[Rule]:
    """The rule that a module holds. Raises TypeError if it holds another than its name says, or several."""
    found = importlib.import_module(module)
    name = module.rpartition(".")[2].replace("_", "-")
    classes = [
        value
        for value in vars(found).values()
        if isinstance(value, type) and issubclass(value, Rule) and value.__module__ == found.__name__
    ]
    if [name] != [cls.name() for cls in classes]:
        raise TypeError(f"{module} must define one Rule, called {name}")
    return classes[0]


@functools.cache
def rules_for(kind: str) -> Mapping[str, type[Rule]]:
    """The rules for a kind of view, by name."""
    rules = {name: _rule_in(module) for name, module in _modules(kind).items()}
    return {name: rule for name, rule in rules.items() if rule.media is None or kind in rule.media}


def all_rules() -> Iterator[tuple[str, type[Rule]]]:
    """Every rule of every medium with the kind of view that it is for, in the order of kinds and names."""
    for kind in sorted(media()):
        for rule in rules_for(kind).values():
            yield kind, rule


def rule_named(name: str, kind: str, place: object = "") -> type[Rule]:
    """The rule of that name for a kind of view. Raises InputError that lists what there is."""
    module = _modules(kind).get(name)  # one rule is asked for: the others, and what they need, are not imported
    rule = _rule_in(module) if module else None
    if rule is None or (rule.media is not None and kind not in rule.media):
        listed = ", ".join(rules_for(kind))
        raise InputError(place, f"expected a rule for the kind of view {kind} ({listed}), found {name!r}")
    return rule
