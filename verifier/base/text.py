"""Numbers in words, and records as text."""

from typing import Any

import msgspec


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


def json_of(record: msgspec.Struct) -> bytes:
    """A record as JSON. What no UTF-8 holds, such as a byte of a file's name, is escaped, as ``printable`` does."""
    try:
        return msgspec.json.encode(record)
    except UnicodeEncodeError:
        return msgspec.json.encode(escaped(msgspec.to_builtins(record, str_keys=True)))


def escaped(value: Any) -> Any:
    """``value``, of plain types, with what no UTF-8 holds escaped in its texts."""
    if isinstance(value, dict):
        return {escaped(key): escaped(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [escaped(item) for item in value]
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
