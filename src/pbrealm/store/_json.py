"""
Plain data as JSON, with its types.

What JSON has is as it is there.  Anything else is an object with one member, whose name begins
with a dollar sign and says the type: C{{"$bytes": "AAE="}}.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import math
from collections.abc import Callable
from typing import Any, Final

from pbrealm.store._unstorable import shown

_NATIVE: Final = frozenset({type(None), bool, int, str})

Json = Any
"""What C{json} reads and writes."""


class NotJson(ValueError):
    """Something that L{to_json} doesn't make."""


def to_json(value: Any) -> Json:
    """
    Turn plain data into what JSON can have.
    """
    kind = type(value)
    if kind in _NATIVE or (kind is float and math.isfinite(value)):
        return value
    if kind is list:
        return [to_json(item) for item in value]
    if kind is dict and all(type(key) is str and not key.startswith("$") for key in value):
        return {key: to_json(item) for key, item in value.items()}
    name, write = _WRITERS[kind]
    return {f"${name}": write(value)}


def from_json(found: Json) -> Any:
    """
    Turn back what L{to_json} made.

    @raise NotJson: if it made nothing of the kind.
    """
    if type(found) is list:
        return [from_json(item) for item in found]
    if type(found) is not dict:
        return found
    if not any(key.startswith("$") for key in found):
        return {key: from_json(item) for key, item in found.items()}
    if len(found) > 1:
        raise NotJson("a type is written as an object with one member")
    ((name, content),) = found.items()
    if name[1:] not in _READERS:
        raise NotJson(f"no type is written as {shown(name)}")
    try:
        return _READERS[name[1:]](content)
    except NotJson:
        raise
    except (TypeError, ValueError, ArithmeticError) as error:
        raise NotJson(f"{shown(content)} isn't the content of a {name}") from error


def _items(collection: Any) -> Json:
    return [to_json(item) for item in collection]


def _pairs(items: dict[Any, Any]) -> Json:
    return [[to_json(key), to_json(value)] for key, value in items.items()]


def _span(span: datetime.timedelta) -> Json:
    return [span.days, span.seconds, span.microseconds]


def _isoformat(when: datetime.date | datetime.time) -> Json:
    return when.isoformat()


def _base64(data: bytes) -> Json:
    return base64.b64encode(data).decode("ascii")


_WRITERS: Final[dict[type, tuple[str, Callable[[Any], Json]]]] = {
    bytes: ("bytes", _base64),
    float: ("float", repr),
    tuple: ("tuple", _items),
    set: ("set", _items),
    frozenset: ("frozenset", _items),
    dict: ("dict", _pairs),
    datetime.datetime: ("datetime", _isoformat),
    datetime.date: ("date", _isoformat),
    datetime.time: ("time", _isoformat),
    datetime.timedelta: ("timedelta", _span),
    decimal.Decimal: ("decimal", str),
}

_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "bytes": lambda content: base64.b64decode(content, validate=True),
    "float": float,
    "tuple": lambda content: tuple(map(from_json, content)),
    "set": lambda content: set(map(from_json, content)),
    "frozenset": lambda content: frozenset(map(from_json, content)),
    "dict": lambda content: {from_json(key): from_json(value) for key, value in content},
    "datetime": datetime.datetime.fromisoformat,
    "date": datetime.date.fromisoformat,
    "time": datetime.time.fromisoformat,
    "timedelta": lambda content: datetime.timedelta(*content),
    "decimal": decimal.Decimal,
}
