"""
Why a key or value can't be stored, for the sentence that says so.

A collection is gone through once more for this, so storing what is allowed takes no time for it.
"""

from __future__ import annotations

import datetime
from typing import Any, Final

from twisted.spread.banana import SIZE_LIMIT

from pbrealm._arguments import described
from pbrealm._wire.encode import MAX_DEPTH, PLAIN_TYPES, SCALARS
from pbrealm._wire.tokens import MAX_INT_BITS, NotPlain

MAX_LENGTH: Final = SIZE_LIMIT - 1
"""Items of a collection, whose type is sent as one item more."""

_MAX_SHOWN: Final = 100


def why_unstorable(thing: object) -> str | None:
    """
    Find the first part of a key or value that can't be stored by itself.

    @return: where it is and what the matter is with it; L{None} if there is none.
    """
    return _look("it", "", thing, [], set())


def shown(thing: object) -> str:
    """An object as text of a bounded length."""
    return _cut(repr(thing))


def _look(base: str, path: str, thing: Any, within: list[int], seen: set[int]) -> str | None:
    """
    @param base: what C{path}, of subscripts, is relative to.
    @param within: the ids of the collections that the thing is in.
    @param seen: the ids of collections that are known to be all right.
    """
    kind = type(thing)
    if kind not in PLAIN_TYPES or kind in SCALARS or kind is bytes:
        problem = _problem(kind, thing)
        return problem and f"{_place(base, path)} {problem}"
    if id(thing) in within:
        return f"{_place(base, path)} is what it is in"
    if id(thing) in seen:
        return None
    if len(thing) > MAX_LENGTH:
        size = f"{len(thing):,} items, of which {MAX_LENGTH:,} are allowed"
        return f"{_place(base, path)} has {size}"
    if len(within) >= MAX_DEPTH:
        return f"it is nested more than {MAX_DEPTH} levels deep"
    within.append(id(thing))
    found = _look_into(base, path, thing, within, seen)
    within.pop()
    seen.add(id(thing))
    return found


def _look_into(base: str, path: str, thing: Any, within: list[int], seen: set[int]) -> str | None:
    if type(thing) is dict:
        for key, value in thing.items():
            found = _look(f"a key of {_place(base, path)}", "", key, within, seen) or _look(
                base, f"{path}[{shown(key)}]", value, within, seen
            )
            if found:
                return found
    elif isinstance(thing, list | tuple):
        for index, item in enumerate(thing):
            found = _look(base, f"{path}[{index}]", item, within, seen)
            if found:
                return found
    else:
        for member in thing:
            found = _look(f"a member of {_place(base, path)}", "", member, within, seen)
            if found:
                return found
    return None


def _problem(kind: type, thing: Any) -> str | None:
    if kind not in PLAIN_TYPES:
        return f"is {described(thing)}, which isn't plain data"
    if kind is str or kind is bytes:
        try:
            size = len(thing if kind is bytes else thing.encode())
        except UnicodeEncodeError:
            return "isn't valid Unicode"
        if size > SIZE_LIMIT:
            return f"is a string of {size:,} bytes, of which {SIZE_LIMIT:,} are allowed"
        return None
    if kind is int and thing.bit_length() > MAX_INT_BITS:
        return f"is a number of {thing.bit_length():,} bits, of which {MAX_INT_BITS} are allowed"
    if kind in (datetime.datetime, datetime.time) and thing.tzinfo is not None:
        return "has a time zone, which can't be stored"
    try:
        SCALARS[kind](thing)
    except NotPlain as error:
        # Of the others, only a Decimal can be infinite, or have too many digits.
        return "isn't a finite number" if not thing.is_finite() else f"is {error}"
    return None


def _place(base: str, path: str) -> str:
    if not path:
        return base
    return f"item {_cut(path)}" if base == "it" else f"item {_cut(path)} of {base}"


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
