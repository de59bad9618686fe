"""
What the sessions of a connection have handed out, which ends with them.

A broker keeps one reference for an object, whichever session its client got it through, and
forgets it only when the client does.  So it is noted here which sessions have handed it out.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from pbrealm._session.session import Session
from pbrealm.errors import SessionEnded

Sessions = tuple[Session, ...]


class Grants:
    """
    A table of the ids of objects on a connection, and the sessions that have handed them out.

    An object that no session has handed out isn't in it, and can be used for as long as there are
    sessions.  That it is passed outside of a session as well changes nothing for one that is.  A
    client that has logged out by itself may keep what it got, until the server ends another
    session of the same avatar id.
    """

    __slots__ = ("_sessions",)

    def __init__(self) -> None:
        self._sessions: dict[Hashable, Sessions] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def add(self, object_id: Hashable, sessions: Sessions) -> None:
        """
        Sessions hand out an object.

        @param sessions: empty where no session does.
        """
        earlier = self._sessions.get(object_id, ())
        # Nearly always it is the same session again.
        if not sessions or earlier[-len(sessions) :] == sessions:
            return
        if earlier:
            permit = [
                each for each in earlier if each not in sessions and each.revoked_for is None
            ]
            # One session that has logged out is enough: a client may log in and out all day.
            left = [each for each in permit if each.ended is not None]
            sessions = (*left[-1:], *[each for each in permit if each.ended is None], *sessions)
        self._sessions[object_id] = sessions

    def discard(self, object_id: Hashable) -> None:
        """The client has forgotten an object."""
        self._sessions.pop(object_id, None)

    def of(self, object_id: Hashable) -> Sessions:
        """The sessions that an object is bound to; empty if it is bound to none."""
        return self._sessions.get(object_id, ())

    def check(self, object_id: Hashable) -> None:
        """
        Check that the client may use an object.

        @raise SessionEnded: if it is revoked for every session that handed it out.
        """
        check_any_permits(self._sessions.get(object_id, ()))

    def revoked(self) -> list[Hashable]:
        """The ids of the objects that the client may not use any more."""
        return [
            object_id
            for object_id, sessions in self._sessions.items()
            if sessions and all(each.revoked_for is not None for each in sessions)
        ]


def check_any_permits(sessions: Iterable[Session]) -> None:
    """
    Check that something may still be done on behalf of sessions.

    @raise SessionEnded: if there are any, and the server has revoked what each has handed out.
    """
    revoked_for = None
    for session in sessions:
        # Asked with each call of a reference, when nearly always the session hasn't ended.
        if session.ended is None or (revoked_for := session.revoked_for) is None:
            return
    if revoked_for is not None:
        raise SessionEnded(revoked_for)
