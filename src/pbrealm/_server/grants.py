"""
What the sessions of a connection have handed out, which ends with them.

A broker keeps one reference for an object, whichever session its client got it through, and
forgets it only when the client does.  So it is noted here which sessions have handed it out.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from pbrealm.errors import Reason, SessionEnded
from pbrealm.interfaces import ISession

Sessions = tuple[ISession, ...]


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
            earlier = tuple([each for each in earlier if each not in sessions])
            # One session that has logged out is enough: a client may log in and out all day.
            left = [each for each in earlier if each.ended is Reason.LOGGED_OUT]
            sessions = (*left[-1:], *[each for each in earlier if each.ended is None], *sessions)
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

        @raise SessionEnded: if every session that handed it out has been ended by the server.
        """
        check_any_permits(self._sessions.get(object_id, ()))

    def revoke_left_by(self, ended: ISession) -> None:
        """
        Revoke what earlier sessions of an avatar id have handed out, which have logged out.

        @param ended: a session of that avatar id, which the server has ended.
        """
        for object_id, sessions in self._sessions.items():
            if any(_has_left(each, ended.avatar_id) for each in sessions):
                self._sessions[object_id] = tuple(
                    [ended if _has_left(each, ended.avatar_id) else each for each in sessions]
                )

    def revoked(self) -> list[Hashable]:
        """The ids of the objects that the client may not use any more."""
        return [
            object_id
            for object_id, sessions in self._sessions.items()
            if sessions and not any(_permits(each) for each in sessions)
        ]


def check_any_permits(sessions: Iterable[ISession]) -> None:
    """
    Check that something may still be done on behalf of sessions.

    @raise SessionEnded: if there are any, and the server has ended all of them.
    """
    ended = None
    for session in sessions:
        if _permits(session):
            return
        ended = session.ended
    if ended is not None:
        raise SessionEnded(ended)


def _permits(session: ISession) -> bool:
    return session.ended is None or session.ended is Reason.LOGGED_OUT


def _has_left(session: ISession, avatar_id: str) -> bool:
    return session.ended is Reason.LOGGED_OUT and session.avatar_id == avatar_id
