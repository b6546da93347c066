"""Numbers in words, and names that can be written."""


def times(count: int) -> str:
    """``once``, ``2 times``, ``1,234 times``."""
    return "once" if count == 1 else f"{count:,} times"


def percent(rate: float) -> str:
    """A share with two or three figures that mean something: ``0.012%``, ``3.4%``, ``100%``."""
    value = 100 * rate
    return f"{value:.0f}%" if value >= 99.95 or value == 0 else f"{value:.1f}%" if value >= 1 else f"{value:.2g}%"


def plural(unit: str, n: int) -> str:
    """``1 change``, ``2 changes``, ``2 stretches``."""
    return f"{n:,} {unit}" if n == 1 else f"{n:,} {unit}{'es' if unit.endswith('ch') else 's'}"


def encodable(name: str) -> str:
    """A name with escapes for what is not UTF-8 in it: reports and specs must hold it."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
