"""A view says how a file becomes an array. It is pinned in the spec: numbers of two views are never compared."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct

from verifier.base.errors import InputError
from verifier.data.extra import Extra, Nothing


class View(
    Struct,
    frozen=True,
    kw_only=True,
    tag_field="kind",
    rename="kebab",
    forbid_unknown_fields=True,
):
    """How the files of a medium become arrays of samples: (rows, steps) each. A medium derives its own, with the tag
    by which the spec file knows it, and has the settings as fields.
    """

    extra: ClassVar[type[Extra]] = Nothing
    """What its medium adds to a Batch."""

    if TYPE_CHECKING:  # a field of some views, a property of others

        @property
        def window(self) -> int | None:
            """Steps in a sample; None where pieces are kept whole."""

    @property
    def rows(self) -> int:
        """Rows of a sample."""
        raise NotImplementedError

    @property
    def kind(self) -> str:
        """The name of its medium, its tag in the spec file."""
        return str(self.__struct_config__.tag)

    def cuts(self, steps: int) -> Sequence[tuple[int, int]]:
        """(start, length) of each sample in an array of so many steps; by default the whole is one."""
        return [(0, steps)]


def require_same_view(a: View, b: View, place: object) -> None:
    """Raise InputError that names the fields in which two views differ."""
    if type(a) is not type(b):
        raise InputError(place, f"two views cannot be compared: a {a.kind} against a {b.kind}")
    differing = [
        f"{name.replace('_', '-')} {getattr(a, name)} against {getattr(b, name)}"
        for name in a.__struct_fields__
        if getattr(a, name) != getattr(b, name)
    ]
    if differing:
        raise InputError(place, f"two views cannot be compared; they differ in {', '.join(differing)}")
