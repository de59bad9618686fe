"""
Texts of the command line to values.
"""

from __future__ import annotations

import json
from argparse import ArgumentTypeError
from math import inf
from typing import Any, Final

from pbrealm._admin_command.text import one_line
from pbrealm.errors import Reason

_MAX_DIGITS: Final = 18


def text(given: str) -> str:
    """A text that can be sent."""
    try:
        given.encode("utf-8")
    except UnicodeEncodeError:
        raise ArgumentTypeError(f"{one_line(ascii(given))} is no text in UTF-8") from None
    return given


def whole(given: str) -> int:
    """A whole number of 1 or more."""
    if not (given.isascii() and given.isdigit() and given.strip("0")):
        raise ArgumentTypeError(f"must be a whole number of 1 or more, not {one_line(given)}")
    if len(given) > _MAX_DIGITS:
        raise ArgumentTypeError(f"must have {_MAX_DIGITS} digits at most")
    return int(given)


def seconds(given: str) -> float:
    """A number of 0 or more."""
    try:
        number = float(given)
    except ValueError:
        number = -1
    if not 0 <= number < inf:
        raise ArgumentTypeError(f"must be a number of 0 or more, not {one_line(given)}")
    return number


def json_value(given: str) -> Any:
    """A value in JSON."""
    try:
        value = json.loads(text(given), parse_constant=_refuse)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        raise ArgumentTypeError(
            f"must be JSON, such as 5, true or '\"text\"', not {one_line(given)}"
        ) from None
    return value


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def keyword(given: str) -> tuple[str, Any]:
    """A name and its value in JSON."""
    name, equals, value = text(given).partition("=")
    if not (name and equals):
        raise ArgumentTypeError(f"must be NAME=VALUE, not {one_line(given)}")
    try:
        return name, json_value(value)
    except ArgumentTypeError as why:
        raise ArgumentTypeError(f"what follows {one_line(name)}= {why}") from None


def setting(given: str) -> tuple[str, str, Any]:
    """A part of the settings, a name in it, and the value: in JSON, else as a text."""
    name, equals, value = text(given).partition("=")
    part, dot, field = name.partition(".")
    if not (part and dot and field and equals):
        raise ArgumentTypeError(
            f"must be PART.NAME=VALUE, such as limits.connections=500, not {one_line(given)}"
        )
    try:
        return part, field, json_value(value)
    except ArgumentTypeError:
        return part, field, value


def positive_seconds(given: str) -> float:
    """A number above 0."""
    try:
        number = seconds(given)
    except ArgumentTypeError:
        number = 0
    if not number:
        raise ArgumentTypeError(f"must be a number above 0, not {one_line(given)}")
    return number


def reason(given: str) -> int:
    """A reason: its number, or its name in small letters."""
    numbers = {reason_name(each): each.number for each in Reason}
    for name, number in numbers.items():
        if given in (name, str(number)):
            return number
    raise ArgumentTypeError(
        f"must be the number or the name of a reason, one of {', '.join(numbers)}, "
        f"not {one_line(given)}"
    )


def reason_name(each: Reason) -> str:
    """The name of a reason, as the command takes it."""
    return each.name.lower().replace("_", "-")
