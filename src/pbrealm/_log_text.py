"""
Text of clients, as it may appear in a log.
"""

from __future__ import annotations

from typing import Final

MAX_LENGTH: Final = 200
"""Characters of one text that are logged."""


def log_text(value: object) -> str:
    """
    Make a value fit for one line of a log.

    @return: its text with everything escaped that isn't printable, control characters above all,
        and cut to L{MAX_LENGTH} characters.
    """
    try:
        text = str(value)
    except Exception:
        text = f"<unprintable {type(value).__name__}>"
    cut = text[:MAX_LENGTH]
    if not cut.isprintable():
        escaped = (
            each if each.isprintable() else each.encode("unicode_escape").decode("ascii")
            for each in cut
        )
        cut = "".join(escaped)[:MAX_LENGTH]
    return cut if len(text) <= MAX_LENGTH else f"{cut}…"
