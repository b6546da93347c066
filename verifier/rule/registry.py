"""The registry: every rule by name."""

import functools
import importlib
import pkgutil
from collections.abc import Mapping

from verifier.base.errors import InputError
from verifier.rule.rule import Rule


@functools.cache
def registry() -> Mapping[str, type[Rule]]:
    """Every rule by name: each module of ``verifier.rules`` holds the rule that its name says.

    Raises TypeError if a module does not: that is a bug in the module.
    """
    return {name: _rule_in(module) for name, module in _modules().items()}


@functools.cache
def _modules() -> dict[str, str]:
    """The name of every rule and that of its module."""
    found = {}
    for package in ("music", "audio", "image", "values"):
        path = importlib.import_module(f"verifier.{package}.rules").__path__
        names = [info.name for info in pkgutil.iter_modules(path)]
        found.update({name.replace("_", "-"): f"verifier.{package}.rules.{name}" for name in names})
    return dict(sorted(found.items()))


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


def rules_for(kind: str) -> dict[str, type[Rule]]:
    """The rules for a kind of view, by name."""
    return {name: rule for name, rule in registry().items() if kind in rule.media}


def rule_named(name: str, place: object = "") -> type[Rule]:
    """The rule of that name. Raises InputError that lists what there is."""
    modules = _modules()  # one rule is asked for: the others, and what they need, are not imported
    if name not in modules:
        raise InputError(place, f"expected a rule ({', '.join(modules)}), found {name!r}")
    return _rule_in(modules[name])
