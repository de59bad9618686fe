"""
Items as lines of JSON, as they are exported and imported.
"""

from __future__ import annotations

import json
from typing import Any

from pbrealm.store._codec import encode_key, encode_value
from pbrealm.store._json import from_json, to_json
from pbrealm.store._unstorable import shown


def to_line(name: str, key: Any, value: Any) -> str:
    """Turn an item of a name into a line."""
    line = {"name": name, "key": to_json(key), "value": to_json(value)}
    return json.dumps(line, allow_nan=False)


def from_line(line: bytes) -> tuple[str, Any, Any, bytes]:
    """
    Turn a line back into the name and the item.

    @return: the name, the key, the value, and the encoded value.
    @raise ValueError: if it isn't such a line.
    @raise TypeError: if the item can't be stored.
    """
    found = _loaded(line)
    if type(found) is not dict or set(found) != {"name", "key", "value"}:
        raise ValueError("it isn't an object with name, key and value")
    name, key, value = found["name"], from_json(found["key"]), from_json(found["value"])
    _check_name(name)
    _check_key(key)
    return name, key, value, encode_value(key, value)


def _loaded(line: bytes) -> Any:
    try:
        return json.loads(line.decode())
    except UnicodeDecodeError:
        raise ValueError("it isn't UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it isn't JSON ({error.msg} at character {error.pos + 1})") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError:
        # The interpreter's limit on the conversion of texts to numbers.
        raise ValueError("it has a number of too many digits") from None


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise ValueError("the name isn't a string")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ValueError("the name isn't valid Unicode") from None


def _check_key(key: object) -> None:
    try:
        hash(key)
    except TypeError:
        raise TypeError(f"{shown(key)} can't be a key, since it can be changed") from None
    encode_key(key)
