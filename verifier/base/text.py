"""Numbers in words."""


def times(count: int) -> str:
    """``once``, ``2 times``, ``1,234 times``."""
    return "once" if count == 1 else f"{count:,} times"
