"""
How sessions end: once, for one reason, and in one order.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm._eager import start
from pbrealm._error_log import error_log
from pbrealm._session.attachment import Attachment
from pbrealm._session.connection import ConnectedMind, Connection, connection_of
from pbrealm._session.goodbye import say_goodbye
from pbrealm._session.lease import Lease, revoke_lease, take_lease
from pbrealm._session.login_waits import LoginWaits
from pbrealm._session.state import SESSION, SessionState
from pbrealm.errors import LoginRefused, Reason

if TYPE_CHECKING:
    from typing_extensions import Self

_Callback: TypeAlias = Callable[[Any, Reason], object]
"""Is passed the session."""

_ids = itertools.count(1)

_LEFT: Final = (Reason.LOGGED_OUT, Reason.DISCONNECTED)
"""The client left by itself, so its connection isn't closed."""

_NO_GOODBYE: Final = (*_LEFT, Reason.NO_ANSWER)
"""There is no client that would hear a goodbye."""


class EndingSession:
    """
    A session on its connection, from its beginning to its end.

    It ends once.  Then the client is told, those who want to know are, the avatar is released, and
    the connection is closed, unless another session is on it.

    @ivar id: a number that no other session of this process has.
    @ivar avatar_id: whom the client logged in as.
    @ivar mind: what the client passed to be called by, or L{None}.
    @ivar clock: the clock that the timeouts of this session run by.
    @ivar ended: L{None}, or why the session ended.
    """

    __slots__ = (
        "__weakref__",
        "_attachment",
        "_avatar_ids",
        "_connection",
        "_end",
        "_leases",
        "_on_away",
        "_on_end",
        "_on_revoke",
        "_realm",
        "_state",
        "_text",
        "_waits",
        "avatar_id",
        "clock",
        "ended",
        "id",
        "mind",
    )

    def __init__(
        self, avatar_id: str, mind: object, clock: IReactorTime, realm: object = None
    ) -> None:
        """
        @param mind: as the realm got it.
        @param realm: by which the session began.  Its sessions share a log of errors, where their
            connections have none of a server.
        @raise LoginRefused: if the client has left since it was authenticated.
        """
        self.id = next(_ids)
        self.avatar_id = avatar_id
        self.mind: Any = mind.mind if isinstance(mind, ConnectedMind) else mind
        self.clock = clock
        self.ended: Reason | None = None
        self._realm = realm
        self._state = SessionState.PENDING
        # None while there are none: many rooms may each add one.
        self._on_end: list[_Callback] | None = None
        self._on_revoke: tuple[_Callback, ...] = ()
        self._on_away: tuple[Callable[[Any], object], ...] = ()
        # The connection, where it's known.
        self._connection: Connection | None = connection_of(mind)
        # The hold on the avatar, once that is found.
        self._attachment: Attachment | None = None
        # Its own avatar id, and those of the sessions around it, which realms may have renamed.
        self._avatar_ids: tuple[str, ...] = (avatar_id,)
        # Once the client has logged out.
        self._leases: tuple[Lease, ...] = ()
        # What the client is told in its goodbye, if not the text of the reason.
        self._text: str | None = None
        # What the login waits for, once it does.
        self._waits: LoginWaits | None = None
        # Fires when the end is complete, while it is under way.
        self._end: Deferred[None] | None = None
        if self._connection is not None:
            if self._connection.lost:
                raise LoginRefused("the client left during its login", Reason.DISCONNECTED)
            self._connection.add(self)

    def __repr__(self) -> str:
        return (
            f"<Session {self.id} of {self.avatar_id!r}: {self.ended or self._state.name.lower()}>"
        )

    def _become(self, state: SessionState) -> None:
        self._state = SESSION.to(state, self._state)

    @property
    def revoked_for(self) -> Reason | None:
        """
        Why what this session has handed out is revoked; L{None} as long as it isn't.

        A client that has logged out by itself may keep it until the server ends another session of
        the avatar id on the connection.
        """
        if self.ended is not Reason.LOGGED_OUT:
            return self.ended
        for lease in self._leases:
            if lease.revoked_for is not None:
                return lease.revoked_for
        return None

    def end(self, reason: Reason = Reason.KICKED, *, text: str | None = None) -> Deferred[None]:
        """
        End the session, if it hasn't ended yet.

        Before this returns, calls are refused, the goodbye is written, the callbacks of L{on_end}
        have run and the avatar's C{detached} has been called.

        @param text: what the goodbye tells the client, by default the text of the reason.
        @return: fires when the client has answered the goodbye or had its time for that, the
            avatar has detached, and the connection is being closed, or left to the other sessions
            on it.  It never fails.
        @raise TypeError: if C{reason} isn't a L{Reason} or C{text} isn't a string; the session
            goes on then.
        """
        if not isinstance(reason, Reason):
            raise TypeError(f"a session ends for a Reason, not for {reason!r}")
        if text is not None and not isinstance(text, str):
            raise TypeError(f"the text of a goodbye must be a string, not {text!r}")
        self.revoke(reason)
        if self._state in (SessionState.REVOKED, SessionState.WITHDRAWN):
            self._text = text
            self._end = self._begin_end(self.ended or reason)
        if self._end is None:
            # The end is complete, or this is called by one of its callbacks.
            return succeed(None)
        ended: Deferred[None] = Deferred()
        self._end.addCallback(lambda _: ended.callback(None))
        return ended

    def revoke(self, reason: Reason) -> None:
        """
        Refuse the client's calls from now on; L{end} is to follow at once.

        Several sessions that end together are all revoked before the first is ended.
        """
        if self.ended is None:
            self.ended = reason
            if self._connection is not None:
                self._update_leases(self._connection.broker, reason)
            held = self._state is SessionState.OPEN
            self._become(SessionState.REVOKED if held else SessionState.WITHDRAWN)
            callbacks, self._on_revoke = self._on_revoke, ()
            for callback in callbacks:
                self._call(callback, reason)

    def _update_leases(self, broker: pb.Broker, reason: Reason) -> None:
        if reason is Reason.LOGGED_OUT:
            self._leases = tuple([take_lease(broker, each) for each in self._avatar_ids])
        else:
            for avatar_id in self._avatar_ids:
                revoke_lease(broker, avatar_id, reason)

    def on_revoke(self, callback: Callable[[Self, Reason], object]) -> None:
        """
        Have C{callback(session, reason)} called as soon as the session refuses calls: before any
        callback of L{on_end}, also of those sessions that end at the same time.
        """
        if self.ended is not None:
            self._call(callback, self.ended)
        else:
            self._on_revoke = (*self._on_revoke, callback)

    def on_away(self, callback: Callable[[Self], object]) -> None:
        """
        Have C{callback(session)} called each time that L{away} has changed, as long as the session
        lasts.

        Callbacks run in the order in which they were added.  An exception in one is logged, and
        the others still run.
        """
        self._on_away = (*self._on_away, callback)

    def away_changed(self) -> None:
        """The connection is lost, or there is one again."""
        for callback in self._on_away:
            try:
                callback(self)
            except BaseException:
                self.log_failure(f"{callback} failed", Failure())

    def on_end(self, callback: Callable[[Self, Reason], object]) -> None:
        """
        Have C{callback(session, reason)} called when the session ends; at once, if it has ended.

        Callbacks run in the order in which they were added.  An exception in one is logged, and
        the others still run.
        """
        if self.ended is not None:
            self._call(callback, self.ended)
        else:
            if self._on_end is None:
                self._on_end = []
            self._on_end.append(callback)

    def forget_on_end(self, callback: Callable[[Self, Reason], object]) -> None:
        """Undo one L{on_end}; if there is none, that is no error."""
        if self._on_end is not None:
            with suppress(ValueError):
                self._on_end.remove(callback)

    def _begin_end(self, reason: Reason) -> Deferred[None] | None:
        """
        @return: fires when the end is complete; L{None} if it is complete by now.
        """
        held = self._state is SessionState.REVOKED
        self._become(SessionState.ENDING)
        goodbye = self._say_goodbye(reason) if held and reason not in _NO_GOODBYE else None
        if self._connection is not None:
            self._connection.discard(self)
        if self._waits is not None:
            self._waits.end(reason)
        if self._on_end is not None:
            # To take them out one by one in order.  Nothing is added any more.
            self._on_end.reverse()
        while self._on_end:
            self._call(self._on_end.pop(), reason)
        released = self._release_avatar(reason)
        leaves = held and reason not in _LEFT
        if released is not None or goodbye is not None:
            return start(self._finish_end(goodbye, released, reason, leaves))
        if leaves:
            self._leave_connection(reason)
        self._become(SessionState.ENDED)
        return None

    async def _finish_end(
        self,
        goodbye: Deferred[object] | None,
        released: Deferred[Any] | None,
        reason: Reason,
        leaves: bool,
    ) -> None:
        if goodbye is not None:
            await goodbye
        if leaves:
            # An avatar that takes its time to detach doesn't keep the connection open.
            self._leave_connection(reason)
        if released is not None:
            await released
        self._become(SessionState.ENDED)

    def log_failure(self, what: str, why: Failure) -> None:
        """
        Log what has failed on this session's behalf.

        Its text, which a client may have sent, is escaped and cut, and the log's budget for errors
        of clients holds.
        """
        broker = None if self._connection is None else self._connection.broker
        error_log(broker, self._realm, self.clock).failure(f"{self}: {what}", why)

    def _call(self, callback: _Callback, reason: Reason) -> None:
        try:
            callback(self, reason)
        except BaseException:
            self.log_failure(f"{callback} failed at the end", Failure())

    def _say_goodbye(self, reason: Reason) -> Deferred[object] | None:
        broker = None if self._connection is None else self._connection.broker
        try:
            return say_goodbye(broker, self.mind, reason, self._text or reason.text, self.clock)
        except BaseException:
            # Nothing keeps a session from ending.
            self.log_failure("the goodbye failed", Failure())
            return None

    def _release_avatar(self, reason: Reason) -> Deferred[Any] | None:
        return None if self._attachment is None else self._attachment.release(reason)

    def _leave_connection(self, reason: Reason) -> None:
        if self._connection is not None:
            self._connection.leave(reason, self.clock)
