"""
What the sessions of a connection have handed out, which ends with them.

A broker keeps one reference for an object, whichever session its client got it through, and
forgets it only when the client does.  So it is noted here which sessions have handed it out.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from pbrealm.errors import Reason, SessionEnded
from pbrealm.interfaces import ISession


class Grants:
    """
    A table of the ids of objects on a connection, and the sessions that have handed them out.

    A client that has logged out by itself may keep what it got.  An object that was also handed
    out outside of a call of this connection's sessions isn't bound to one.
    """

    __slots__ = ("_sessions",)

    def __init__(self) -> None:
        self._sessions: dict[Hashable, tuple[ISession | None, ...]] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def add(self, object_id: Hashable, session: ISession | None) -> None:
        """
        A session hands out an object.

        @param session: L{None} where no session's call is being served.
        """
        sessions = self._sessions.get(object_id, ())
        if session is None or any(_permits_for_good(each) for each in sessions):
            self._sessions[object_id] = _NOBODY
        elif session not in sessions:
            alive = tuple([each for each in sessions if _permits(each)])
            self._sessions[object_id] = (*alive, session)

    def discard(self, object_id: Hashable) -> None:
        """The client has forgotten an object."""
        self._sessions.pop(object_id, None)

    def check(self, object_id: Hashable) -> None:
        """
        Check that the client may use an object.

        @raise SessionEnded: if every session that handed it out has been ended by the server.
        """
        sessions = self._sessions.get(object_id)
        if sessions is None or any(_permits(each) for each in sessions):
            return
        raise SessionEnded(next(each.ended for each in reversed(sessions) if each and each.ended))

    def revoked(self) -> list[Hashable]:
        """The ids of the objects that the client may not use any more."""
        return [
            object_id
            for object_id, sessions in self._sessions.items()
            if not any(_permits(each) for each in sessions)
        ]


_NOBODY: Final = (None,)
"""What isn't bound to any session."""


def _permits_for_good(session: ISession | None) -> bool:
    return session is None or session.ended is Reason.LOGGED_OUT


def _permits(session: ISession | None) -> bool:
    return session is None or session.ended in (None, Reason.LOGGED_OUT)
