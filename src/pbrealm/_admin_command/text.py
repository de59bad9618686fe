"""
Text and figures as people read them.
"""

from __future__ import annotations

import json
from typing import Any, Final
from unicodedata import category, east_asian_width

from pbrealm._log_text import escape

NOTHING: Final = "-"
"""What stands for a figure that isn't there."""

_BYTES: Final = ("B", "KB", "MB", "GB", "TB")


def one_line(value: object) -> str:
    """A text with everything escaped that isn't printable, control characters above all."""
    return escape(str(value))


def columns_of(text: str) -> int:
    """How many columns of a terminal a printable text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    if category(character) in ("Mn", "Me"):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1


def cut(text: str, columns: int) -> str:
    """A printable text, cut to so many columns."""
    if columns_of(text) <= columns:
        return text
    kept, taken = [], 1
    for character in text:
        taken += _columns(character)
        if taken > columns:
            break
        kept.append(character)
    return f"{''.join(kept)}…"


def pad(text: str, columns: int, *, right: bool = False) -> str:
    """A printable text, filled up with spaces to so many columns."""
    space = " " * (columns - columns_of(text))
    return space + text if right else text + space


def count(number: float) -> str:
    """A number, with its thousands apart."""
    return f"{number:,}"


def counted(number: int, noun: str) -> str:
    """A number of things: 1 session, 2 sessions."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def size(number: float) -> str:
    """A number of bytes: 12 B, 3.4 KB, 56 MB."""
    for unit in _BYTES:
        if number < 999.5 or unit == _BYTES[-1]:
            break
        number /= 1000
    short = f"{number:.0f}" if unit == "B" or number >= 9.95 else f"{number:.1f}"
    return f"{short} {unit}"


def duration(seconds: float | None) -> str:
    """Seconds in the two largest units: 12 s, 3 min 4 s, 5 h 6 min, 7 d 8 h."""
    if seconds is None:
        return NOTHING
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    minutes, s = divmod(whole, 60)
    hours, m = divmod(minutes, 60)
    days, h = divmod(hours, 24)
    if days:
        return f"{days:,} d {h} h"
    if hours:
        return f"{hours} h {m} min"
    return f"{minutes} min {s} s" if minutes else f"{s} s"


def moment(time: str) -> str:
    """A time of the API: without its fractions, and in UTC."""
    return one_line(time).replace("T", " ").partition(".")[0]


def value(something: Any) -> str:
    """A value of JSON, as people write it."""
    match something:
        case None:
            return "none"
        case bool():
            return "yes" if something else "no"
        case int() | float():
            return f"{something:,}" if isinstance(something, int) else f"{something:g}"
        case list() | dict():
            return one_line(json.dumps(something, ensure_ascii=False))
        case _:
            return one_line(something)
