"""
The operation that shows a server at a glance.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappush, heappushpop
from typing import Any, Final

from twisted.internet.interfaces import IReactorTime

from pbrealm._session.session import Session
from pbrealm._slices import Slices
from pbrealm.admin._operations import Call, Operation, Parameter, Reply, json_reply
from pbrealm.admin._pages import SLICE_SECONDS, SLICE_STEPS
from pbrealm.admin._rows import ROW_SCHEMA, session_row
from pbrealm.admin._schemas import Schema
from pbrealm.realms._mind_tracking import MindTrackingRealm

_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}

_TOP: Final[Schema] = {
    "type": "object",
    "properties": {
        "count": {**_COUNT, "description": "How many sessions there are."},
        "avatars": {**_COUNT, "description": "How many avatar ids have a session."},
        "away": {**_COUNT, "description": "How many of the sessions are away."},
        "waiting_bytes": {**_COUNT, "description": "Of all sessions together."},
        "sessions": {
            "type": "array",
            "items": ROW_SCHEMA,
            "description": "Those for which the most waits, the most first.",
        },
    },
    "required": ["count", "avatars", "away", "waiting_bytes", "sessions"],
    "additionalProperties": False,
}


class TopOperations:
    """
    Shows how many sessions there are, and for which the most waits.
    """

    def __init__(self, realm: MindTrackingRealm[Any], clock: IReactorTime) -> None:
        self._realm = realm
        self._clock = clock

    def operations(self) -> Sequence[Operation]:
        """The part of the table."""
        return (
            Operation(
                "GET",
                "/api/top",
                "Count the sessions, and show those for which the most waits.",
                self._show,
                query=(
                    Parameter(
                        "limit",
                        {"type": "integer", "minimum": 1, "maximum": 1000, "default": 20},
                        "How many sessions are wanted at most.",
                    ),
                ),
                responses={200: ("The counts, and the sessions.", _TOP)},
            ),
        )

    async def _show(self, call: Call) -> Reply:
        limit = call.parameters["limit"]
        count = away = waiting = 0
        avatar_ids = set()
        # A heap, with the one for which the least waits first.  No two have the same id.
        most: list[tuple[int, int, Session[Any]]] = []
        slices = Slices(self._clock, SLICE_SECONDS)
        for number, session in enumerate(self._realm.sessions()):
            if number % SLICE_STEPS == 0:
                await slices.pause()
            if session.ended is not None:
                continue
            stats = session.stats()
            waits = 0 if stats is None else stats.waiting_bytes
            count += 1
            away += session.away
            waiting += waits
            avatar_ids.add(session.avatar_id)
            push = heappush if len(most) < limit else heappushpop
            push(most, (waits, -session.id, session))
        rows = []
        for _, _, session in sorted(most, reverse=True):
            rows.append(session_row(session))
            await slices.pause()
        return json_reply(
            {
                "count": count,
                "avatars": len(avatar_ids),
                "away": away,
                "waiting_bytes": waiting,
                "sessions": rows,
            }
        )
