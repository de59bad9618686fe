"""
Sessions whose avatars are still detaching, which the next session of the avatar id waits for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from pbrealm._session.session import Session
from pbrealm.errors import Reason
from pbrealm.interfaces import ISession

MAX_WAIT: Final = 10.0
"""Seconds that a login waits for earlier sessions to detach."""

_log = Logger()


class Detaching:
    """
    A table of the sessions whose avatars haven't finished C{detached}, by avatar id.

    Without it, the C{attached} of a new session could run before the C{detached} of the last one
    is complete, and what that writes last would be wrong: that the user has left.
    """

    def __init__(self) -> None:
        # Those whose logout is to come.
        self._watched: set[ISession] = set()
        self._sessions: dict[str, dict[ISession, None]] = {}
        self._waiting: dict[str, list[Deferred[None]]] = {}

    def __contains__(self, avatar_id: object) -> bool:
        """Whether a session of this avatar id is detaching."""
        return avatar_id in self._sessions

    def watch(self, session: Session, logout: Callable[[], object]) -> Callable[[], object]:
        """
        Have a session in the table from its end until its logout.

        It comes in before any callback of the end runs: one of them may let another session go on
        that has waited for the slot, and that one has to find it here.

        @return: to be called as the logout.
        """
        self._watched.add(session)
        session.on_revoke(self._add)

        def logged_out() -> object:
            self._watched.discard(session)
            try:
                return logout()
            finally:
                self._done(session)

        return logged_out

    def _add(self, session: ISession, _: Reason) -> None:
        if session in self._watched:
            self._sessions.setdefault(session.avatar_id, {})[session] = None

    async def wait(self, session: ISession) -> None:
        """
        Wait until no other session of the same avatar id is detaching, or for L{MAX_WAIT}.

        @raise SessionEnded: if the session that waits ends.
        """
        done: Deferred[None] = Deferred()
        waiting = self._waiting.setdefault(session.avatar_id, [])
        waiting.append(done)
        done.addTimeout(MAX_WAIT, session.clock)
        done.addErrback(self._timed_out, session)
        try:
            await session.wait(done)
        finally:
            waiting.remove(done)
            if not waiting:
                del self._waiting[session.avatar_id]
            done.cancel()

    def _timed_out(self, why: object, session: ISession) -> None:
        if session.ended is None:
            _log.warn(
                "{avatar_id} has not detached within {seconds:g} seconds; the next login goes on",
                avatar_id=session.avatar_id,
                seconds=MAX_WAIT,
            )

    def _done(self, session: ISession) -> None:
        sessions = self._sessions.get(session.avatar_id, {})
        sessions.pop(session, None)
        if not sessions:
            self._sessions.pop(session.avatar_id, None)
            for done in self._waiting.get(session.avatar_id, [])[:]:
                if not done.called:
                    done.callback(None)
