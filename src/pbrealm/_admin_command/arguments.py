"""
Texts of the command line to values.
"""

from __future__ import annotations

import json
from argparse import ArgumentTypeError
from math import inf
from typing import Any

from pbrealm._admin_command.text import one_line


def text(given: str) -> str:
    """A text that can be sent."""
    try:
        given.encode("utf-8")
    except UnicodeEncodeError:
        raise ArgumentTypeError(f"{one_line(ascii(given))} is no text in UTF-8") from None
    return given


def whole(given: str) -> int:
    """A whole number of 1 or more."""
    if not (given.isascii() and given.isdigit() and 0 < len(given) < 19 and int(given)):
        raise ArgumentTypeError(f"must be a whole number of 1 or more, not {one_line(given)}")
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
    return name, json_value(value)


def setting(given: str) -> tuple[str, str, Any]:
    """A part of the settings, a name in it, and the value: in JSON, else as a text."""
    name, equals, value = text(given).partition("=")
    part, dot, field = name.partition(".")
    if not (part and dot and field and equals):
        raise ArgumentTypeError(
            f"must be NAME=VALUE, such as limits.connections=500, not {one_line(given)}"
        )
    try:
        return part, field, json_value(value)
    except ArgumentTypeError:
        return part, field, value


def positive_seconds(given: str) -> float:
    """A number above 0."""
    number = seconds(given)
    if not number:
        raise ArgumentTypeError("must be more than 0")
    return number
