"""The one exception that is a message to a person. Anything else that is raised is a bug and keeps its traceback."""

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `verify --version` does not wait for it
    import msgspec


class InputError(Exception):
    """The command, the spec or an input is unusable: shown on one line, and the exit code is 2.

    ``place`` says which file and where in it; ``problem`` what was expected and what was found.
    """

    def __init__(self, place: object, problem: str) -> None:
        self.place = printable(place)
        self.problem = problem
        super().__init__(f"{self.place}: {problem}" if self.place else problem)


class EmptySetError(InputError):
    """There is nothing where samples were expected: other sample sets can be judged all the same."""


def printable(text: object) -> str:
    """``text`` with control, format and undecodable characters escaped, so that a file name cannot drive a terminal.

    >>> printable("a\\x1b[31mb\\n")
    'a\\\\x1b[31mb\\\\n'
    """
    return "".join(
        char.encode("unicode_escape", "backslashreplace").decode("ascii")
        if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
        else char
        for char in str(text)
    )


def require_whole(place: str, number: object) -> None:
    """Raise InputError unless ``number`` is a whole number from 1."""
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise InputError(place, f"expected a whole number from 1, found {number!r}")


def require_between(place: str, number: object, low: float, high: float, *, open_low: bool = False) -> None:
    """Raise InputError unless ``number`` lies from ``low``, which ``open_low`` shuts out, to below ``high``."""
    good = isinstance(number, int | float) and low <= number < high and not (open_low and number == low)
    if not good:
        span = f"between {low:g} and {high:g}" if open_low else f"from {low:g} to below {high:g}"
        raise InputError(place, f"expected a number {span}, found {number!r}")


def located(error: "msgspec.ValidationError", path: str) -> "msgspec.ValidationError":
    """The error of a value that stands at ``path`` in a larger one: its own path with that before it.

    >>> import msgspec
    >>> str(located(msgspec.ValidationError("Expected `int`, got `str` - at `$.pieces`"), "$.corpus"))
    'Expected `int`, got `str` - at `$.corpus.pieces`'
    """
    problem, _, at = str(error).partition(" - at `")
    key, of, at = at.rpartition(" in `")  # "key` in `$.durations`"
    return type(error)(f"{problem} - at `{key}{of}{path}{at.removeprefix('$') or '`'}")
