"""
The session: one login, from its acceptance to its end.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime, timezone
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.spread import pb
from twisted.spread.pb import IPerspective
from zope.interface import implementedBy, implementer

from pbrealm._on_behalf_of import ON_BEHALF_OF
from pbrealm._session.attachment import Attachment
from pbrealm._session.connection import Connection
from pbrealm._session.ending import EndingSession
from pbrealm._session.login_waits import LoginWaits
from pbrealm._session.notification import notify_client
from pbrealm._session.served_realms import add_served_realm
from pbrealm._session.state import SessionState
from pbrealm._session.stats import SessionStats, stats_of
from pbrealm._types import AvatarT
from pbrealm._unsaved import Account
from pbrealm._wire.broker import FastBroker
from pbrealm._wire.dispatch import receive_message
from pbrealm._wire.lazy_jelly import accepts_lazy_jelly
from pbrealm.errors import Reason, SessionEnded
from pbrealm.interfaces import ISession

_T = TypeVar("_T")


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
class Session(EndingSession, Generic[AvatarT]):
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
        "_perspective",
        "_since",
        "aspect",
        "avatar",
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
        self.avatar: AvatarT = None  # type: ignore[assignment]  # until the realm has found it
        self.aspect: Any = None
        self._since = clock.seconds()
        self._perspective: Any = None
        super().__init__(avatar_id, mind, clock, realm)

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


# A session may come to provide a further interface.  Its slot for that has a value from the start,
# since zope.interface takes several times as long where the slot is empty.
_PROVIDES: Any = implementedBy(Session)  # type: ignore[no-untyped-call]
