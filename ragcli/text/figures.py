"""Numbers as people read them: counts, sizes, ages."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """`1 document`, `14 documents`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def size_text(count: int) -> str:
    """A number of bytes."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5 or unit == "GB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit in {"B", "kB"} else f"{size:.1f} {unit}"


def age(seconds: float) -> str:
    """How long ago something was, in the largest unit that fits."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit} ago"
    return "just now"
