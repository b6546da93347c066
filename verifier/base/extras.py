"""The optional parts of the package, called extras: what each needs, and what to type to get it."""

from importlib.util import find_spec

from verifier.base.errors import InputError

DISTRIBUTION = "media-verifier"
"""What pip calls the package that is imported as ``verifier``; on the public index that name is somebody else's."""


def install_hint(extra: str) -> str:
    """What to type for an extra: ``pip install 'media-verifier[generators]'``."""
    return f"pip install '{DISTRIBUTION}[{extra}]'"


def require_extra(extra: str, what: str, *modules: str, place: object = "") -> None:
    """Raise InputError, with the hint, if a module that the extra brings is missing. Nothing is imported.

    ``what`` is how a person calls what is missing.
    """
    if any(find_spec(name) is None for name in modules):
        raise InputError(place, f"needs {what}: {install_hint(extra)}")
