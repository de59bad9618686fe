"""
The last ends of sessions and refusals of logins.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

from twisted.internet.interfaces import IReactorTime

from pbrealm._log_text import MAX_LENGTH, log_text
from pbrealm._slices import Slices
from pbrealm.admin._operations import Call, Operation, Parameter, Reply
from pbrealm.admin._pages import (
    PAGE_PARAMETERS,
    SLICE_SECONDS,
    SLICE_STEPS,
    after,
    page,
    page_schema,
)
from pbrealm.admin._rows import TIME_SCHEMA
from pbrealm.admin._schemas import Schema

MAX_ENDS: Final = 10_000

_FIELDS: Final = ("time", "avatar_id", "peer", "session", "seconds", "why", "reason")

_COLUMNS: Final = ("event", *_FIELDS)
_EVENT: Final = _COLUMNS.index("event")
_AVATAR_ID: Final = _COLUMNS.index("avatar_id")
_REASON: Final = _COLUMNS.index("reason")

_END: Final[Schema] = {
    "type": "object",
    "properties": {
        "event": {"enum": ["end", "refusal"]},
        "time": TIME_SCHEMA,
        "avatar_id": {"type": "string"},
        "peer": {"type": "string"},
        "session": {"type": ["integer", "null"]},
        "seconds": {"type": ["number", "null"]},
        "why": {"type": "string"},
        "reason": {"type": "integer"},
    },
    "required": ["event", *_FIELDS],
    "additionalProperties": False,
}


class History:
    """
    Keeps the last L{MAX_ENDS} ends and refusals, in memory.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        # Each is its name and the values of the fields: a dict for each takes much more memory.
        self._ends: deque[tuple[Any, ...]] = deque(maxlen=MAX_ENDS)
        self._count = 0

    def record(self, name: str, data: Mapping[str, Any]) -> None:
        """Keep an event, if it is one of these."""
        if name in ("end", "refusal"):
            self._count += 1
            kept = {**data, "avatar_id": _bounded(data["avatar_id"])}
            self._ends.append((name, *(kept.get(field) for field in _FIELDS)))

    def operations(self) -> Sequence[Operation]:
        """The part of the table."""
        return (
            Operation(
                "GET",
                "/api/ends",
                f"List the last {MAX_ENDS:,} ends of sessions and refusals, newest first.",
                self._list,
                query=(
                    Parameter("avatar_id", {"type": "string"}, "Those of this avatar id."),
                    Parameter("reason", {"type": "integer"}, "Those of this reason's number."),
                    *PAGE_PARAMETERS,
                ),
                responses={200: ("A page of ends.", page_schema("ends", _END))},
            ),
        )

    async def _list(self, call: Call) -> Reply:
        wanted = call.parameters
        avatar_id, reason = wanted["avatar_id"], wanted["reason"]
        forms = {}
        if avatar_id is not None:
            # Refusals come from the journal, where they are escaped.
            forms = {"end": _bounded(avatar_id), "refusal": log_text(avatar_id)}
        slices = Slices(self._clock, SLICE_SECONDS)
        # A cursor is the number of an end, of which the oldest ever is 1.
        begin = after(wanted["cursor"], self._count + 1)
        rows: list[str] = []
        last = 0
        # A copy, since others may come between two slices.
        newest_first = zip(range(self._count, 0, -1), list(reversed(self._ends)), strict=False)
        for number, end in newest_first:
            if number % SLICE_STEPS == 0:
                await slices.pause()
            if (
                number < begin
                and (not forms or end[_AVATAR_ID] == forms[end[_EVENT]])
                and (reason is None or end[_REASON] == reason)
            ):
                if len(rows) == wanted["limit"]:
                    return page("ends", rows, last)
                rows.append(json.dumps(dict(zip(_COLUMNS, end, strict=True))))
                last = number
        return page("ends", rows, None)


def _bounded(avatar_id: str) -> str:
    """An avatar id as it is, unless it would take much memory."""
    return avatar_id if len(avatar_id) <= MAX_LENGTH else log_text(avatar_id)
