"""Names that a user gave, in a picture."""

from verifier.base.errors import printable


def plain(text: object) -> str:
    r"""``text`` for matplotlib, which would set what stands between two dollars as a formula, or fail to, and leaves a
    label out of a legend that begins with an underscore.

    >>> print(plain("5$ and 6$"))
    5\$ and 6\$
    """
    found = printable(text).replace("$", r"\$")
    return f" {found}" if found.startswith("_") else found
