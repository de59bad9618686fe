"""
Lists that come in pages.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from typing import Any, Final, TypeVar

from pbrealm.admin._operations import Parameter, Reply
from pbrealm.admin._problems import Problem
from pbrealm.admin._schemas import Schema

SLICE_SECONDS: Final = 0.0005
"""How long a page that is being made keeps the reactor from the clients at a time."""

SLICE_STEPS: Final = 4
"""How many sessions are looked at between two looks at the clock."""

_K = TypeVar("_K", int, str)

PAGE_PARAMETERS: Final = (
    Parameter("cursor", {"type": "string"}, "What the page before has as its next."),
    Parameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
        "How many are wanted at most.",
    ),
)


def page_schema(name: str, row: Schema) -> Schema:
    """The schema of a page."""
    return {
        "type": "object",
        "properties": {
            name: {"type": "array", "items": row},
            "next": {
                "type": ["string", "null"],
                "description": "The cursor of the next page; null if this is the last.",
            },
        },
        "required": [name, "next"],
        "additionalProperties": False,
    }


def page(name: str, rows: Iterable[str], last: int | str | None) -> Reply:
    """
    Make the response of a page.

    @param rows: each as JSON, since one that is encoded at once takes long.
    @param last: the key of the last row; L{None} if no page follows.
    """
    cursor = None if last is None else urlsafe_b64encode(json.dumps(last).encode()).decode()
    return Reply(
        f'{{"{name}": [{", ".join(rows)}], "next": {json.dumps(cursor)}}}'.encode("ascii")
    )


def after(cursor: str | None, least: _K) -> _K:
    """
    What a page begins after.

    @param least: where the first page begins.
    @raise Problem: if the cursor is none of ours.
    """
    if cursor is None:
        return least
    try:
        key: Any = json.loads(urlsafe_b64decode(cursor.encode("ascii")))
    except (ValueError, RecursionError):
        key = None
    if type(key) is not type(least):
        raise Problem(400, "cursor must be what a page has as its next")
    return key
