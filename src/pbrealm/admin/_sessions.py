"""
The operations on sessions and avatar ids: listing, showing and kicking them.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from heapq import nsmallest
from operator import attrgetter
from typing import Any, Final

from twisted.internet.defer import DeferredList, TimeoutError
from twisted.internet.interfaces import IReactorTime

from pbrealm._addresses import format_address
from pbrealm._journal import log_action
from pbrealm._log_text import log_text
from pbrealm._session.session import Session
from pbrealm._slices import Slices
from pbrealm.admin._feed import Feed
from pbrealm.admin._operations import Call, Operation, Parameter, Reply, json_reply
from pbrealm.admin._pages import (
    PAGE_PARAMETERS,
    SLICE_SECONDS,
    SLICE_STEPS,
    after,
    page,
    page_schema,
)
from pbrealm.admin._problems import Problem
from pbrealm.admin._rows import (
    DETAILS_SCHEMA,
    ROW_SCHEMA,
    TIME_SCHEMA,
    age,
    format_time,
    session_details,
    session_row,
)
from pbrealm.admin._schemas import Schema
from pbrealm.admin._waiting import wait_for
from pbrealm.errors import Reason
from pbrealm.realms._mind_tracking import MindTrackingRealm
from pbrealm.realms._presence import Presence

END_SECONDS: Final = 5
"""How long a response waits for sessions to end."""

MAX_TEXT: Final = 1000
"""Characters of what a goodbye says."""

_SECONDS: Final[Schema] = {"type": "number", "minimum": 0}

_ID: Final[Schema] = {"type": "integer", "minimum": 1}

_KICK: Final[Schema] = {
    "type": "object",
    "properties": {
        "text": {
            "type": "string",
            "maxLength": MAX_TEXT,
            "description": "What the client is told.",
        },
        "reconnect": {
            "type": "boolean",
            "default": False,
            "description": "Whether the client is asked to come back.",
        },
    },
    "additionalProperties": False,
}

_ENDED: Final[Schema] = {
    "type": "object",
    "properties": {"ended": {"type": "integer"}},
    "required": ["ended"],
    "additionalProperties": False,
}

_AVATAR: Final[Schema] = {
    "type": "object",
    "properties": {
        "avatar_id": {"type": "string"},
        "sessions": {"type": "integer"},
        "since": TIME_SCHEMA,
        "away": {"type": "boolean"},
    },
    "required": ["avatar_id", "sessions", "since", "away"],
    "additionalProperties": False,
}


class SessionOperations:
    """
    What can be done with the sessions of a realm.
    """

    def __init__(self, realm: MindTrackingRealm[Any], feed: Feed, clock: IReactorTime) -> None:
        self._realm = realm
        self._feed = feed
        self._clock = clock

    def operations(self) -> Sequence[Operation]:
        """The part of the table."""
        return (
            Operation(
                "GET",
                "/api/sessions",
                "List the sessions, ordered by id.",
                self._list,
                query=(
                    Parameter("avatar_id", {"type": "string"}, "Those of this avatar id."),
                    Parameter("peer", {"type": "string"}, "Those whose address begins so."),
                    Parameter("min_seconds", _SECONDS, "Those that are this old, or older."),
                    Parameter("max_seconds", _SECONDS, "Those that are this old, or younger."),
                    *PAGE_PARAMETERS,
                ),
                responses={200: ("A page of sessions.", page_schema("sessions", ROW_SCHEMA))},
            ),
            Operation(
                "GET",
                "/api/sessions/{id}",
                "Show a session.",
                self._show,
                {"id": _ID},
                responses={200: ("The session.", DETAILS_SCHEMA)},
                problems={404: "There is no such session."},
            ),
            Operation(
                "DELETE",
                "/api/sessions/{id}",
                "End a session.",
                self._end,
                {"id": _ID},
                body=_KICK,
                body_required=False,
                responses={200: ("It has ended, or is ending.", _ENDED)},
                problems={404: "There is no such session."},
            ),
            Operation(
                "GET",
                "/api/avatars",
                "List the avatar ids that have sessions, in their order as strings.",
                self._list_avatars,
                query=PAGE_PARAMETERS,
                responses={200: ("A page of avatar ids.", page_schema("avatars", _AVATAR))},
            ),
            Operation(
                "POST",
                "/api/avatars/{avatar_id}/kick",
                "End all sessions of an avatar id.",
                self._kick,
                {"avatar_id": {"type": "string"}},
                body=_KICK,
                responses={200: ("They have ended, or are ending.", _ENDED)},
                problems={404: "The avatar id has no session."},
            ),
        )

    async def _list(self, call: Call) -> Reply:
        wanted = call.parameters
        slices = Slices(self._clock, SLICE_SECONDS)
        # They are in the order in which they opened, which is nearly that of their ids.
        sessions = sorted(self._realm.sessions(wanted["avatar_id"]), key=_BY_ID)
        begin = bisect_right(sessions, after(wanted["cursor"], 0), key=_BY_ID)
        rows: list[str] = []
        last = 0
        for number in range(begin, len(sessions)):
            if number % SLICE_STEPS == 0:
                await slices.pause()
            session = sessions[number]
            if session.ended is None and _fits(session, wanted):
                if len(rows) == wanted["limit"]:
                    return page("sessions", rows, last)
                rows.append(json.dumps(session_row(session)))
                last = session.id
        return page("sessions", rows, None)

    def _find(self, number: int) -> Session[Any]:
        session = self._realm.session(number)
        if session is None:
            raise Problem(404, f"there is no session {number}")
        return session

    def _show(self, call: Call) -> Reply:
        return json_reply(session_details(self._find(call.parameters["id"])))

    async def _end(self, call: Call) -> Reply:
        session = self._find(call.parameters["id"])
        what = f"session {session.id} of {session.avatar_id} from {format_address(session.peer)}"
        return await self._end_all([session], call, what, session.avatar_id)

    async def _kick(self, call: Call) -> Reply:
        avatar_id = call.parameters["avatar_id"]
        sessions = self._realm.sessions(avatar_id)
        if not sessions:
            raise Problem(404, f'there is no session of "{log_text(avatar_id)}"')
        number = len(sessions)
        what = f"{number} session{'' if number == 1 else 's'} of {avatar_id}"
        return await self._end_all(sessions, call, what, avatar_id)

    async def _end_all(
        self,
        sessions: Sequence[Session[Any]],
        call: Call,
        what: str,
        avatar_id: str,
    ) -> Reply:
        reason = Reason.RECONNECT if call.body.get("reconnect") else Reason.KICKED
        text = call.body.get("text")
        log_action(call.who, "kick", f"{what}: {reason}", avatar_id, text)
        self._feed.kicked(call.who, avatar_id, sessions, reason, text)
        ended = wait_for(end_each(sessions, reason, text, self._clock))
        try:
            await ended.addTimeout(END_SECONDS, self._clock)
        except TimeoutError:
            # Avatars take their time to detach.
            pass
        return json_reply({"ended": len(sessions)})

    async def _list_avatars(self, call: Call) -> Reply:
        slices = Slices(self._clock, SLICE_SECONDS)
        begin, limit = after(call.parameters["cursor"], ""), call.parameters["limit"]
        rows: list[str] = []
        last = begin
        while True:
            # One more than wanted tells whether there is another page.  More are looked for in
            # place of those that have left meanwhile.
            number = limit + 1 - len(rows)
            found = await self._avatar_ids(begin, number, slices)
            for avatar_id in found:
                presence = self._realm.presence(avatar_id)
                if presence is not None:
                    if len(rows) == limit:
                        return page("avatars", rows, last)
                    rows.append(json.dumps(_avatar_row(presence)))
                    last = avatar_id
                await slices.pause()
            if len(found) < number:
                return page("avatars", rows, None)
            begin = found[-1]

    async def _avatar_ids(self, begin: str, number: int, slices: Slices) -> Sequence[str]:
        """The first avatar ids after one, in their order as strings."""
        sessions = self._realm.sessions()
        found: list[str] = []
        for first in range(0, len(sessions), _AVATARS_AT_ONCE):
            some = {each.avatar_id for each in sessions[first : first + _AVATARS_AT_ONCE]}
            end = found[-1] if len(found) == number else None
            more = [each for each in some if each > begin and (end is None or each < end)]
            if more:
                found = nsmallest(number, {*found, *more})
            await slices.pause()
        return found


_BY_ID: Final = attrgetter("id")

_AVATARS_AT_ONCE: Final = 500


async def end_each(
    sessions: Sequence[Session[Any]], reason: Reason, text: str | None, clock: IReactorTime
) -> None:
    """End sessions one after the other, and wait until all ends are complete."""
    slices = Slices(clock, SLICE_SECONDS)
    ends = []
    for each in sessions:
        ends.append(each.end(reason, text=text))
        await slices.pause()
    await DeferredList(ends)


def _avatar_row(presence: Presence) -> dict[str, Any]:
    return {
        "avatar_id": presence.avatar_id,
        "sessions": len(presence.sessions),
        "since": format_time(presence.since.timestamp()),
        "away": presence.away,
    }


def _fits(session: Session[Any], wanted: Mapping[str, Any]) -> bool:
    least, most, peer = wanted["min_seconds"], wanted["max_seconds"], wanted["peer"]
    if least is not None and age(session) < least:
        return False
    if most is not None and age(session) > most:
        return False
    return peer is None or format_address(session.peer).startswith(peer)
