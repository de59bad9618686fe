"""
The session: one login, from its acceptance to its end.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any, Final, Generic, TypeAlias, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.spread.pb import IPerspective
from zope.interface import implementedBy, implementer

from pbrealm._eager import start
from pbrealm._error_log import error_log
from pbrealm._on_behalf_of import ON_BEHALF_OF
from pbrealm._session.attachment import Attachment
from pbrealm._session.connection import (
    ConnectedMind,
    Connection,
    connection_of,
)
from pbrealm._session.goodbye import say_goodbye
from pbrealm._session.lease import Lease, revoke_lease, take_lease
from pbrealm._session.login_waits import LoginWaits
from pbrealm._session.notification import notify_client
from pbrealm._session.served_realms import add_served_realm
from pbrealm._session.state import SESSION, SessionState
from pbrealm._session.stats import SessionStats, stats_of
from pbrealm._types import AvatarT
from pbrealm._unsaved import Account
from pbrealm._wire.broker import FastBroker
from pbrealm._wire.dispatch import receive_message
from pbrealm._wire.lazy_jelly import accepts_lazy_jelly
from pbrealm.errors import LoginRefused, Reason, SessionEnded
from pbrealm.interfaces import ISession

_T = TypeVar("_T")

_Callback: TypeAlias = "Callable[[Session[AvatarT], Reason], object]"

_ids = itertools.count(1)

_LEFT: Final = (Reason.LOGGED_OUT, Reason.DISCONNECTED)
"""The client left by itself, so its connection isn't closed."""

_NO_GOODBYE: Final = (*_LEFT, Reason.NO_ANSWER)
"""There is no client that would hear a goodbye."""


def current_session() -> Session | None:
    """
    The session whose client made the call that is being served; L{None} outside of a call.

    It is kept throughout the coroutines and C{inlineCallbacks} that the call starts.  A callback
    that is added to a Deferred by hand runs in the context of whoever fires the Deferred.

    Twisted's asyncio reactor runs all that C{callLater} and C{LoopingCall} call in the context of
    whoever has set the timer that is due first.  There this may return the session of any call
    that has set one, also a session that has ended.  So pass the session on to such a function.
    """
    whom = ON_BEHALF_OF.get()
    return whom if isinstance(whom, Session) else None


@implementer(ISession, IPerspective)
class Session(Generic[AvatarT]):
    """
    What a client holds after its login, instead of the avatar.

    A session passes the client's calls on to the avatar until it ends, which it does once, for one
    L{Reason}.  Realms make sessions.  An avatar gets them as the argument of the methods of
    L{IClientAware<pbrealm.interfaces.IClientAware>}, or from L{current_session}.

    Sessions are hashed and compared by identity, so they can be keys; minds can't.

    @ivar id: a number that no other session of this process has.
    @ivar avatar_id: whom the client logged in as.
    @ivar avatar: the avatar, once the realm has found it.
    @ivar aspect: what a hand-written realm was given of the avatar in place of the session; else
        L{None}.
    @ivar mind: what the client passed to be called by, or L{None}.
    @ivar clock: the clock that the timeouts of this session run by.
    @ivar ended: L{None}, or why the session ended.
    """

    __slots__ = (
        "__provides__",
        "__weakref__",
        "_attachment",
        "_avatar_ids",
        "_connection",
        "_end",
        "_leases",
        "_on_away",
        "_on_end",
        "_on_revoke",
        "_perspective",
        "_realm",
        "_since",
        "_state",
        "_text",
        "_waits",
        "aspect",
        "avatar",
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
        self.__provides__ = _PROVIDES
        self.id = next(_ids)
        self.avatar_id = avatar_id
        self.avatar: AvatarT = None  # type: ignore[assignment]  # until the realm has found it
        self.aspect: Any = None
        self.mind: Any = mind.mind if isinstance(mind, ConnectedMind) else mind
        self.ended: Reason | None = None
        self.clock = clock
        self._realm = realm
        self._since = clock.seconds()
        self._state = SessionState.PENDING
        self._on_away: tuple[Callable[[Session[AvatarT]], object], ...] = ()
        # None while there are none: many rooms may each add one.
        self._on_end: list[_Callback[AvatarT]] | None = None
        self._on_revoke: tuple[_Callback[AvatarT], ...] = ()
        self._perspective: Any = None
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
    def peer(self) -> IAddress | None:
        """The client's address; L{None} where the realm can't see the connection."""
        return self._connection.peer if self._connection is not None else None

    def is_on(self, broker: pb.Broker) -> bool:
        """Whether this session's connection is that of a broker."""
        return self._connection is not None and self._connection.broker is broker

    def is_elsewhere(self, broker: pb.Broker) -> bool:
        """Whether this session's connection is known to be that of another broker."""
        return self._connection is not None and self._connection.broker is not broker

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

    def learn_connection(self, broker: pb.Broker) -> None:
        """
        The client of this session is found to be that of a broker.

        The realm couldn't see the connection if it wasn't given a mind: by a client that has none,
        or by a hand-written realm that passes none on.
        """
        # Under a plain factory nothing is bound to connections.
        if self._connection is None and self.ended is None and isinstance(broker, FastBroker):
            self._connection = Connection.of(broker)
            self._connection.add(self)
            for session in (self, self.serving):
                add_served_realm(broker, session._realm)

    @property
    def _account(self) -> Account | None:
        broker = None if self._connection is None else self._connection.broker
        return broker if isinstance(broker, Account) else None

    @property
    def disconnected(self) -> bool:
        """Whether the connection is lost, as far as it is known; the session ends in a moment."""
        return self._connection is not None and self._connection.lost

    @property
    def away(self) -> bool:
        """Whether the client has lost its connection, and may come back to this session."""
        return self._connection is not None and self._connection.away

    def stats(self) -> SessionStats | None:
        """
        Figures of the session's connection; L{None} where it isn't known, or the server isn't a
        L{ServerFactory<pbrealm.ServerFactory>}.
        """
        if self._connection is None:
            return None
        return stats_of(self._connection.broker, self.clock)

    @property
    def since(self) -> datetime:
        """When the login was accepted, in UTC."""
        return datetime.fromtimestamp(self._since, timezone.utc)

    # What the client does

    @accepts_lazy_jelly
    def perspectiveMessageReceived(self, broker: Any, message: Any, args: Any, kw: Any) -> Any:
        """
        Pass a call on to the avatar.

        @raise SessionEnded: once the session has ended; the arguments aren't decoded then.
        """
        if self.ended is not None:
            raise SessionEnded(self.ended)
        if self._connection is None:
            self.learn_connection(broker)
        receiver = self._perspective.perspectiveMessageReceived
        if ON_BEHALF_OF.get() is self:
            # The server's broker has set it, for what it answers if the call fails.
            return receive_message(receiver, broker, message, args, kw)
        token = ON_BEHALF_OF.set(self)
        try:
            return receive_message(receiver, broker, message, args, kw)
        finally:
            ON_BEHALF_OF.reset(token)

    @property
    def serving(self) -> Session[AvatarT]:
        """The session that calls come to: this one, or the one that it encloses."""
        perspective = self._perspective
        return perspective.serving if isinstance(perspective, Session) else self

    def logout(self) -> None:
        """The client has dropped its reference, or the portal's user has called the logout."""
        self.end(Reason.LOGGED_OUT)

    # What is done to the client

    def notify(self, method: str, /, *args: object, **kw: object) -> Deferred[Any]:
        """
        Call a method of the client's mind.  Never raises.

        In the course of a client's call it is sent once all that the call has changed or read of
        a L{StoredDict<pbrealm.store.StoredDict>} is saved.

        @return: fires with the answer.  It fails with L{SessionEnded}, with L{NoMind}, with
            L{NotifyTimeout<pbrealm.errors.NotifyTimeout>} after L{NOTIFY_TIMEOUT} seconds, or
            with the failure that the client answered.  Add an errback, or the failure is logged.
            With C{pbtimeout} it waits for so many seconds instead; with C{pbtimeout=None} for as
            long as the client is there.  With C{pbanswer=False} no answer is asked for, and it
            fires with L{None} at once, whatever becomes of the message.
        """
        return notify_client(self, method, args, kw)

    def is_alive(self, timeout: float) -> Deferred[bool]:
        """
        Ask the client for a sign of life, which it gives whether or not it has a mind.

        @param timeout: seconds to wait.
        @return: fires with whether an answer came, and never fails.  Where the connection isn't
            known, it fires with whether the session hasn't ended.
        """
        if self._connection is None:
            return succeed(self.ended is None)
        return self._connection.ping(self.clock, timeout)

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

    def on_revoke(self, callback: _Callback[AvatarT]) -> None:
        """
        Have C{callback(session, reason)} called as soon as the session refuses calls: before any
        callback of L{on_end}, also of those sessions that end at the same time.
        """
        if self.ended is not None:
            self._call(callback, self.ended)
        else:
            self._on_revoke = (*self._on_revoke, callback)

    def on_away(self, callback: Callable[[Session[AvatarT]], object]) -> None:
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

    def on_end(self, callback: _Callback[AvatarT]) -> None:
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

    def forget_on_end(self, callback: _Callback[AvatarT]) -> None:
        """Undo one L{on_end}; if there is none, that is no error."""
        if self._on_end is not None:
            with suppress(ValueError):
                self._on_end.remove(callback)

    # What realms do during the login

    def wait(
        self, awaited: Deferred[_T], late: Callable[[_T], object] | None = None
    ) -> Coroutine[Any, Any, _T]:
        """
        Wait for something during the login, but not longer than the session lives.

        @param late: called with a result that comes after the session's end.
        @raise SessionEnded: as soon as the session ends.
        """
        if self._waits is None:
            self._waits = LoginWaits()
        return self._waits.wait(self, awaited, late)

    def log_failure(self, what: str, why: Failure) -> None:
        """
        Log what has failed on this session's behalf.

        Its text, which a client may have sent, is escaped and cut, and the log's budget for errors
        of clients holds.
        """
        broker = None if self._connection is None else self._connection.broker
        error_log(broker, self._realm, self.clock).failure(f"{self}: {what}", why)

    async def attach(self, avatar: Any, aspect: Any, logout: Callable[[], object]) -> None:
        """
        Take hold of the avatar that a realm has found, and attach to it.

        @param avatar: the avatar; or, where a hand-written realm stands between two of pbrealm's,
            the session that the inner one made.
        @param aspect: the avatar's provider of the interface that was asked for; or that session.
        @param logout: called once: at the session's end, or if this fails.
        @raise SessionEnded: if the session ends before this is done.
        @raise Exception: what the avatar's C{attached} failed with.
        """
        attaching: Deferred[object] | None = None
        if isinstance(avatar, Session) and self.ended is None:
            self._enclose(avatar, logout)
        else:
            self.avatar = avatar
            self._attachment = Attachment(self, avatar, logout, self._account)
            if self.ended is None:
                # What the avatar passes to the mind is handed out by this session.  But no call is
                # served, so there is no current session.
                token = ON_BEHALF_OF.set((self,))
                try:
                    attaching = self._attachment.attach()
                finally:
                    ON_BEHALF_OF.reset(token)
        self._perspective = aspect
        if attaching is not None:
            await self.wait(attaching)
        # The session may have ended before, or in the course of attaching.
        if self.ended is not None:
            self._release_avatar(self.ended)
            raise SessionEnded(self.ended)

    def _enclose(self, inner: Session, logout: Callable[[], object]) -> None:
        # The inner session has attached to the avatar.  The end of either ends the other; only
        # the outer one says goodbye.
        if inner._state is SessionState.OPEN:
            inner._become(SessionState.ENCLOSED)
        self.avatar = inner.avatar
        inner._avatar_ids += self._avatar_ids
        # The inner session serves the calls, so what is handed out ends with that.
        self.on_revoke(lambda _, reason: inner.revoke(reason))
        self.on_away(lambda _: inner.away_changed())
        if inner._connection is None:
            # The inner realm was given no mind.
            inner._connection = self._connection
            if self._connection is not None:
                add_served_realm(self._connection.broker, inner._realm)

        def leave() -> Deferred[None]:
            ended = inner.end(self.ended or Reason.LOGGED_OUT)
            # That of the realm between; the inner session's own does nothing any more.
            logout()
            return ended

        self._attachment = Attachment(self, None, leave)
        inner.on_end(lambda _, reason: self.end(reason, text=inner._text))

    def open(self) -> None:
        """The login is about to be answered."""
        self._become(SessionState.OPEN)

    # The end

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

    def _call(self, callback: _Callback[AvatarT], reason: Reason) -> None:
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


# A session may come to provide a further interface.  Its slot for that has a value from the start,
# since zope.interface takes several times as long where the slot is empty.
_PROVIDES: Any = implementedBy(Session)  # type: ignore[no-untyped-call]
