"""
JSON schemas, as far as parameters and bodies of the API need them.

These keywords are checked: C{type}, C{enum}, C{minimum}, C{maximum}, C{minLength}, C{maxLength},
C{items}, C{maxItems}, C{properties}, C{required}, and C{additionalProperties} as a boolean.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from math import isfinite
from typing import Any, Final, TypeAlias

from pbrealm._log_text import log_text

Schema: TypeAlias = Mapping[str, Any]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_TYPES: Final[Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    "null": ("null", lambda value: value is None),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "integer": (
        "a whole number",
        lambda value: isinstance(value, int) and not isinstance(value, bool),
    ),
    "number": ("a number", _is_number),
    "string": ("a string", lambda value: isinstance(value, str)),
    "array": ("an array", lambda value: isinstance(value, list)),
    "object": ("an object", lambda value: isinstance(value, dict)),
}

BODY: Final = "the body"
"""What the whole body of a request is called in errors; its parts have names of their own."""

MAX_DEPTH: Final = 50
"""How deep arrays and objects may be nested in each other."""

_LONGEST_NAME: Final = 40

_MAX_WHOLE: Final = 2**63 - 1
_LONGEST: Final = len(str(-_MAX_WHOLE))

_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")


def check(name: str, value: Any, schema: Schema) -> None:
    """
    Check a value.

    @param name: what the value is called in the error.
    @raise ValueError: with one sentence, if it isn't what the schema says.
    """
    if "type" in schema:
        types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
        if not any(_TYPES[each][1](value) for each in types):
            expected = " or ".join(_TYPES[each][0] for each in types)
            raise ValueError(f"{name} must be {expected}, not {_shown(value)}")
    if "enum" in schema and value not in schema["enum"]:
        choices = ", ".join(map(str, schema["enum"]))
        raise ValueError(f"{name} must be one of {choices}, not {_shown(value)}")
    if _is_number(value):
        _check_number(name, value, schema)
    elif isinstance(value, str):
        _check_string(name, value, schema)
    elif isinstance(value, list):
        _check_array(name, value, schema)
    elif isinstance(value, dict):
        _check_object(name, value, schema)


def _check_number(name: str, value: float, schema: Schema) -> None:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and not value >= least:
        raise ValueError(f"{name} must be {least:,} or more, not {_shown(value)}")
    if most is not None and not value <= most:
        raise ValueError(f"{name} must be {most:,} or less, not {_shown(value)}")


def _check_string(name: str, value: str, schema: Schema) -> None:
    if len(value) < schema.get("minLength", 0):
        raise ValueError(f"{name} must not be empty")
    if len(value) > schema.get("maxLength", len(value)):
        raise ValueError(f"{name} must have {schema['maxLength']:,} characters at most")


def _check_array(name: str, value: list[Any], schema: Schema) -> None:
    if len(value) > schema.get("maxItems", len(value)):
        raise ValueError(f"{name} must have {schema['maxItems']} items at most")
    for number, each in enumerate(value):
        check(f"{name}[{number}]", each, schema.get("items", {}))


def _check_object(name: str, value: dict[str, Any], schema: Schema) -> None:
    properties: Mapping[str, Schema] = schema.get("properties", {})
    for required in schema.get("required", ()):
        if required not in value:
            raise ValueError(f"{name} must have {required}")
    for key, each in value.items():
        if key in properties:
            check(key if name == BODY else f"{name}.{key}", each, properties[key])
        elif not schema.get("additionalProperties", True):
            raise ValueError(f"{name} must not have {_shown(key)}{_alternative(key, properties)}")


def _alternative(key: str, properties: Mapping[str, Schema]) -> str:
    # Comparing long keys would take long.
    likely = get_close_matches(key[:_LONGEST_NAME], properties, 1)
    if likely:
        return f", but may have {likely[0]}"
    return f", only {', '.join(properties)}" if properties else ""


def convert(name: str, text: str, schema: Schema) -> Any:
    """
    Convert the text of a parameter, and check it.

    @raise ValueError: with one sentence, if it isn't what the schema says.
    """
    value: Any = text
    if schema["type"] == "integer" and _INTEGER.fullmatch(text):
        value = int(text)
    elif schema["type"] == "number" and _NUMBER.fullmatch(text):
        value = float(text)
    check(name, value, schema)
    return value


_TOO_DEEP: Final = f"it is nested more than {MAX_DEPTH} deep"


def parse_json(data: bytes) -> Any:
    """
    Parse JSON, strictly: no numbers but finite ones, whole ones of 64 bits at most, and no halves
    of surrogate pairs, which can't be encoded again.  It is nested L{MAX_DEPTH} deep at most.

    @raise ValueError: with one sentence, if it isn't JSON.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            parse_constant=_refuse,
            parse_float=_finite,
            parse_int=_whole,
        )
        _check_depth(value)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise ValueError(f"{BODY} must be JSON in UTF-8 ({_TOO_DEEP})") from None
    except ValueError as why:
        raise ValueError(f"{BODY} must be JSON in UTF-8 ({log_text(why)})") from None
    return value


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _whole(text: str) -> int:
    # The text of a long one isn't converted, which takes long.
    number = int(text) if len(text) <= _LONGEST else _MAX_WHOLE + 1
    if not -_MAX_WHOLE - 1 <= number <= _MAX_WHOLE:
        raise ValueError("a number is too large")
    return number


def _check_depth(value: object) -> None:
    # Level by level, since a function that calls itself for each would be as deep.
    level = _inside([value])
    for _ in range(MAX_DEPTH):
        level = [inner for each in level for inner in _inside(each)]
    if level:
        raise ValueError(_TOO_DEEP)


def _inside(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value
    return [each for each in inner if isinstance(each, (list, dict))]


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError("a number is too large")
    return number


def _shown(value: object) -> str:
    try:
        return log_text(json.dumps(value))
    except (ValueError, RecursionError):
        return "that"
