"""A view says how a file becomes an array. It is pinned in the spec: numbers of two views are never compared."""

from typing import Any

import msgspec

from verifier.audio.view import MelView
from verifier.base.errors import InputError
from verifier.image.view import ImageView
from verifier.music.view import PianoRollView

View = PianoRollView | MelView | ImageView


def kind_of(view: View) -> str:
    """The name of its kind in the spec file."""
    return str(view.__struct_config__.tag)


def require_same_view(a: View, b: View, place: object) -> None:
    """Raise InputError that names the fields in which two views differ."""
    if type(a) is not type(b):
        raise InputError(place, f"two views cannot be compared: a {kind_of(a)} against a {kind_of(b)}")
    differing = [
        f"{name.replace('_', '-')} {getattr(a, name)} against {getattr(b, name)}"
        for name in a.__struct_fields__
        if getattr(a, name) != getattr(b, name)
    ]
    if differing:
        raise InputError(place, f"two views cannot be compared; they differ in {', '.join(differing)}")


def view_of(settings: dict[str, Any], kind: str = "piano-roll") -> View:
    """The view of that kind with ``settings`` (kebab-case) in place of its defaults; a setting ``kind`` chooses another
    kind. Raises msgspec.ValidationError for what is no setting.
    """
    view: View = msgspec.convert({"kind": kind, **settings}, View, strict=False)
    return view
