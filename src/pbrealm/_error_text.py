"""
One-line descriptions of exceptions, for error messages.
"""

from __future__ import annotations


def describe(error: BaseException | None) -> str:
    """The class of an exception, and the first line of its text."""
    text = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
