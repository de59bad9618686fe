"""
Text of clients, and failures with such text, as they may appear in a log.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.python.failure import Failure
from twisted.spread import pb

MAX_LENGTH: Final = 200
"""Characters of one text that are logged."""

_MAX_FRAMES: Final = 20


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
    cut = escape(text[:MAX_LENGTH])[:MAX_LENGTH]
    return cut if len(text) <= MAX_LENGTH else f"{cut}…"


def log_lines(text: str, length: int, *, end: bool = False) -> str:
    """
    Make a text fit for a log, which indents the lines of what it logs.

    @param length: how many characters are kept.
    @param end: whether those are the last ones.
    @return: the text, escaped but for the ends of lines and tabs.
    """
    # Escaping makes a text longer.
    kept = slice(-length, None) if end else slice(length)
    cut = escape(text[kept], "\n\t")[kept]
    if len(text) <= length:
        return cut
    return f"…{cut}" if end else f"{cut}…"


def escape(text: str, kept: str = "") -> str:
    """
    Escape everything that isn't printable.

    @param kept: characters that are left as they are.
    """
    plain = text
    for each in kept:
        plain = plain.replace(each, "")
    if plain.isprintable():
        return text
    return "".join(
        each
        if each.isprintable() or each in kept
        else each.encode("unicode_escape").decode("ascii")
        for each in text
    )


def bounded_failure(why: Failure) -> Failure:
    """
    Make a failure fit for the log.

    @return: the same failure if it is short.  Otherwise a copy with the innermost frames, and with
        its text escaped and cut; of the same type for those who check it.
    """
    text = log_text(why.value)
    if not isinstance(why, pb.CopiedFailure):
        frames = why.frames
        if len(frames) <= _MAX_FRAMES and _str(why.value) == text:
            return why
    copy: Any = type(why).__new__(type(why))
    vars(copy).update(vars(why))
    if isinstance(why, pb.CopiedFailure):
        copy.type, copy.value, copy.traceback = kind_of(why), text, ""
    else:
        copy.value = Exception(text)
        copy.frames = frames[-_MAX_FRAMES:]
    bounded: Failure = copy
    return bounded


def _str(value: object) -> str | None:
    try:
        return str(value)
    except Exception:
        return None


def kind_of(why: Failure) -> str:
    """The name of a failure's type, which a client may have chosen."""
    kind = why.type
    if isinstance(kind, bytes):
        kind = kind.decode("utf-8", "replace")
    return log_text(kind if isinstance(kind, str) else getattr(kind, "__name__", kind))
