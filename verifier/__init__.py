"""Learn the rules of a real corpus, check generated samples against them, and say where they break.

>>> import verifier as vf
>>> vf.load_spec("bach-tequilagan")
Spec('bach-tequilagan', 5 rules of piano-roll, from 354 groups of bach)
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from verifier.api.audit import audit
    from verifier.api.check import check
    from verifier.api.compare import diff, gate
    from verifier.api.evaluate import evaluate
    from verifier.api.explain import explain
    from verifier.api.learn import learn
    from verifier.api.load import load_spec, spec_names
    from verifier.base.errors import InputError
    from verifier.corpora.sample_sets import SampleSet
    from verifier.results import Explanation, Run
    from verifier.spec.spec import Spec

_HOMES = {
    "audit": "api.audit",
    "check": "api.check",
    "diff": "api.compare",
    "evaluate": "api.evaluate",
    "explain": "api.explain",
    "gate": "api.compare",
    "learn": "api.learn",
    "load_spec": "api.load",
    "spec_names": "api.load",
    "Explanation": "results",
    "InputError": "base.errors",
    "Run": "results",
    "SampleSet": "corpora.sample_sets",
    "Spec": "spec.spec",
}
"""Name -> the module that it is imported from when it is first asked for."""

__all__ = [
    "Explanation",
    "InputError",
    "Run",
    "SampleSet",
    "Spec",
    "audit",
    "check",
    "diff",
    "evaluate",
    "explain",
    "gate",
    "learn",
    "load_spec",
    "spec_names",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'verifier' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"verifier.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
