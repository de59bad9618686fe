"""
Parsing the values of options: numbers, and choices from a list.

Each function takes the name of the option without its dashes, and raises a L{UsageError} that
names the option and says what its value must be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeVar

from twisted.python.usage import UsageError

from pbrealm._arguments import MAX_COUNT, MAX_SECONDS, check_most

_T = TypeVar("_T")


def parse_count(option: str, text: str) -> int:
    """
    Parse a positive whole number.

    @raise UsageError: if it's anything else.
    """
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise UsageError(f"--{option} must be a positive whole number, not {text!r}")
    _check_most(option, number, MAX_COUNT)
    return number


def parse_seconds(option: str, text: str) -> float:
    """
    Parse a number of seconds, which may have a fraction.

    @raise UsageError: if it isn't a number, or not finite, or less than 0.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not number >= 0 or number == math.inf:
        raise UsageError(f"--{option} must be a number of seconds, 0 or more, not {text!r}")
    _check_most(option, number, MAX_SECONDS)
    return number


def _check_most(option: str, number: float, most: int) -> None:
    try:
        check_most(f"--{option}", number, most)
    except ValueError as why:
        raise UsageError(str(why)) from None


def parse_choice(option: str, text: str, choices: Mapping[str, _T]) -> _T:
    """
    Look up one of several values by its name.

    @raise UsageError: if there is no choice of that name.
    """
    if text not in choices:
        raise UsageError(f"--{option} must be one of {', '.join(choices)}, not {text!r}")
    return choices[text]


def parse_method(option: str, text: str) -> str | None:
    """
    Parse the name of a method, or C{none}.

    @raise UsageError: if it can't be the name of a method.
    """
    if not text.isidentifier():
        raise UsageError(f"--{option} must be the name of a method, or none, not {text!r}")
    return None if text == "none" else text
