"""
One login: the client's revocable hold on an avatar.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from datetime import datetime, timezone
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.spread.pb import IPerspective
from zope.interface import implementer

from pbrealm._delivery.broadcast import ask, timed_out
from pbrealm._session.connection import Caller, Connection, connection_of
from pbrealm._wire.lazy_jelly import as_received, receives_lazily
from pbrealm.errors import LoginRefused, Reason, SessionEnded
from pbrealm.interfaces import IClientAware

_T = TypeVar("_T")

NOTIFY_TIMEOUT = 30.0
"""Seconds that a client gets to answer a notification."""

GOODBYE_TIMEOUT = 2.0
"""Seconds that a client gets to answer C{remote_goodbye} before its connection is closed."""

_log = Logger()
_ids = itertools.count(1)
# By the id of the avatar, which the sessions hold.
_on_avatar: dict[int, tuple[Session, ...]] = {}
_current: ContextVar[Session | None] = ContextVar("pbrealm.current_session", default=None)

# It left by itself, and its connection is its own affair.
_LEFT = (Reason.LOGGED_OUT, Reason.DISCONNECTED)

# There is nobody to say goodbye to.
_DEAF = (*_LEFT, Reason.NO_ANSWER)


def current_session() -> Session | None:
    """
    The session whose client made the call that is being served, or L{None} outside of one.

    It holds through the coroutines and C{inlineCallbacks} that the call starts.  A callback that
    is added to a Deferred by hand runs on behalf of whoever fires it.
    """
    return _current.get()


def sessions_of(avatar: object) -> Sequence[Session]:
    """
    The sessions that are on an avatar now, oldest first: its own clients, for an avatar that asks
    with C{sessions_of(self)}.
    """
    return _on_avatar.get(id(avatar), ())


@implementer(IPerspective)
class Session:
    """
    What a client holds after its login, instead of the avatar.

    It passes the client's calls on to the avatar until it ends, which it does once, for one
    L{Reason}.  Realms make it; an avatar meets it as the argument of
    L{IClientAware<pbrealm.interfaces.IClientAware>}'s methods, or by L{current_session}.

    Sessions are hashed and compared by identity, so they can be keys, which minds can't.

    @ivar id: a number that no other session of this process has.
    @ivar avatar_id: whom the client logged in as.
    @ivar avatar: the avatar, once the realm has found it.
    @ivar mind: what the client passed to be called by, or L{None}.
    @ivar peer: the client's address; L{None} where the realm can't see the connection.
    @ivar ended: L{None}, or why the session ended.
    """

    __slots__ = (
        "__weakref__",
        "_attached",
        "_attaching",
        "_clock",
        "_connection",
        "_finishing",
        "_logout",
        "_on_end",
        "_opened",
        "_outer",
        "_over",
        "_perspective",
        "_since",
        "_waiting",
        "avatar",
        "avatar_id",
        "ended",
        "id",
        "mind",
    )

    def __init__(self, avatar_id: str, mind: object, clock: IReactorTime) -> None:
        """
        Begin a login that was authenticated.

        @raise LoginRefused: if the client has gone meanwhile.
        """
        self.id = next(_ids)
        self.avatar_id = avatar_id
        self.avatar: Any = None
        self.mind: Any = mind.mind if isinstance(mind, Caller) else mind
        self.ended: Reason | None = None
        self._clock = clock
        self._since = clock.seconds()
        self._connection: Connection | None = connection_of(mind)
        self._perspective: Any = None
        self._logout: Callable[[], object] | None = None
        self._on_end: tuple[Callable[[Session, Reason], object], ...] = ()
        self._waiting: Deferred[Any] | None = None
        self._over: Deferred[None] | None = None
        self._outer: Session | None = None
        self._attaching = False
        self._attached = False
        self._opened = False
        self._finishing = False
        if self._connection is not None:
            if self._connection.lost:
                raise LoginRefused("the client left during its login", Reason.DISCONNECTED)
            self._connection.enter(self)

    def __repr__(self) -> str:
        state = "open" if self._opened else "pending"
        return f"<Session {self.id} of {self.avatar_id!r}: {self.ended or state}>"

    @property
    def peer(self) -> IAddress | None:
        return self._connection.peer if self._connection is not None else None

    @property
    def since(self) -> datetime:
        """When the login was accepted, in UTC."""
        return datetime.fromtimestamp(self._since, timezone.utc)

    @property
    def clock(self) -> IReactorTime:
        """The clock that this session's time-outs run by."""
        return self._clock

    # What the client does

    @receives_lazily
    def perspectiveMessageReceived(self, broker: Any, message: Any, args: Any, kw: Any) -> Any:
        """
        Pass a call on to the avatar.

        @raise SessionEnded: without looking at the arguments, once the session has ended.
        """
        if self.ended is not None:
            raise SessionEnded(self.ended)
        token = _current.set(self)
        try:
            receiver = self._perspective.perspectiveMessageReceived
            return receiver(broker, message, *as_received(receiver, args, kw))
        finally:
            _current.reset(token)

    def logout(self) -> None:
        """The client let go of its reference, or its portal of the login."""
        self.end(Reason.LOGGED_OUT)

    # What is done to the client

    def notify(self, method: str, /, *args: object, **kw: object) -> Deferred[Any]:
        """
        Call a method of the client's mind.  It never raises.

        @return: fires with the answer.  It fails with L{SessionEnded}, with L{NoMind}, with
            L{NotifyTimeout<pbrealm.errors.NotifyTimeout>} after L{NOTIFY_TIMEOUT} seconds, or
            with the failure that the client answered: add an errback, or it's logged.  With
            C{pbanswer=False} no answer is asked for, and it fires with L{None} at once,
            whatever becomes of the message.
        """
        gone = fail(SessionEnded(self.ended)) if self.ended is not None else None
        answer = gone or ask(self.mind, method, args, kw)
        if not kw.get("pbanswer", True):
            return answer.addErrback(lambda _: None)
        return answer.addTimeout(NOTIFY_TIMEOUT, self._clock, onTimeoutCancel=timed_out)

    def is_alive(self, timeout: float) -> Deferred[bool]:
        """
        Ask the client for a sign of life, whatever its mind can answer.

        @param timeout: seconds to wait.
        @return: fires with whether an answer came, and never fails.  Where the connection can't
            be seen, nothing says that it's dead, so it fires with C{True}.
        """
        if self._connection is None:
            return succeed(self.ended is None)
        return self._connection.ping(self._clock, timeout)

    def end(self, reason: Reason = Reason.KICKED) -> Deferred[None]:
        """
        End the session, if it hasn't ended yet.

        Before this returns, no call gets through any more, the goodbye is written, the callbacks
        of L{on_end} have run and the avatar's C{detached} has been called.

        @return: fires when it is all over: the client has answered the goodbye or had its time
            for that, the avatar has detached, and the connection is being closed, or left to the
            other sessions on it.  It never fails.
        """
        self.revoke(reason)
        if not self._finishing:
            self._finishing = True
            self._over = self._finish(self.ended or reason)
        if self._over is None:
            # It is all over, or this comes from one of the callbacks of the end.
            return succeed(None)
        told: Deferred[None] = Deferred()
        self._over.addCallback(lambda _: told.callback(None))
        return told

    def revoke(self, reason: Reason) -> None:
        """
        Let no call through any more; L{end} is to follow at once.

        By itself it's for the sessions of a connection, which end together.
        """
        if self.ended is None:
            self.ended = reason

    def on_end(self, callback: Callable[[Session, Reason], object]) -> None:
        """
        Have C{callback(session, reason)} called when the session ends; at once, if it has ended.

        The calls come in the order of the registrations.  An exception in one is logged, and
        keeps none of the others from its turn.
        """
        if self.ended is not None:
            self._call(callback, self.ended)
        else:
            self._on_end = (*self._on_end, callback)

    def forget_on_end(self, callback: Callable[[Session, Reason], object]) -> None:
        """Undo one L{on_end}; one that wasn't done, or is past, is no error."""
        if callback in self._on_end:
            at = self._on_end.index(callback)
            self._on_end = self._on_end[:at] + self._on_end[at + 1 :]

    # What realms do, between the login's acceptance and its answer

    async def wait(self, awaited: Deferred[_T], late: Callable[[_T], object] | None = None) -> _T:
        """
        Wait for something on behalf of the pending login, but not beyond the session's end.

        @param late: gets a result that comes only after that.
        @raise SessionEnded: as soon as the session ends.
        """
        waiter: Deferred[_T] = Deferred()
        if self.ended is None:
            self._waiting = waiter
        else:
            waiter.errback(SessionEnded(self.ended))

        def settle(result: _T | Failure) -> None:
            if not waiter.called:
                self._waiting = None
                waiter.callback(result)
            elif isinstance(result, Failure):
                if not result.check(pb.Error):
                    _log.failure("too late to tell the client of {session}", result, session=self)
            elif late is not None:
                late(result)

        awaited.addBoth(settle)
        return await waiter

    async def occupy(self, avatar: Any, aspect: Any, logout: Callable[[], object]) -> None:
        """
        Take hold of the avatar that a realm has found, and attach to it.

        @param aspect: what provides the interface that was asked for.
        @param logout: called once, when the session is over or if it doesn't come about.
        @raise SessionEnded: if the session has ended before, or does during the attaching.
        @raise Exception: what the avatar's C{attached} failed with.
        """
        self.avatar = avatar
        self._perspective = aspect
        self._logout = logout
        if self.ended is None:
            if isinstance(aspect, Session):
                self._wrap(aspect)
            elif IClientAware.providedBy(avatar):
                await self._attach(avatar)
        # It may have ended before, or an avatar may have ended it while it attached.
        if self.ended is not None:
            self._let_go()
            raise SessionEnded(self.ended)
        if self.avatar is avatar:
            _on_avatar[id(avatar)] = (*sessions_of(avatar), self)

    async def _attach(self, avatar: Any) -> None:
        self._attaching = True
        attaching = maybeDeferred(avatar.attached, self)
        attaching.addCallbacks(self._has_attached, self._has_not_attached)
        await self.wait(attaching)

    def _has_attached(self, _: object) -> None:
        self._attaching = False
        self._attached = True
        if self.ended is not None:
            self._leave_avatar(self.ended)

    def _has_not_attached(self, why: Failure) -> Failure:
        self._attaching = False
        if self.ended is not None:
            # Whoever waited has been told that the session is over; this is for the log.
            self._let_go()
        return why

    def _wrap(self, inner: Session) -> None:
        # A foreign realm stands between two of ours: the inner session has attached to the
        # avatar, and what befalls either session befalls both.  Only the outer says goodbye.
        inner._outer = self
        self.avatar = inner.avatar
        self._logout = lambda: inner.end(self.ended or Reason.LOGGED_OUT)
        inner.on_end(lambda _, reason: self.end(reason))

    def open(self) -> None:
        """The login is about to be answered."""
        self._opened = True

    # The end

    def _finish(self, reason: Reason) -> Deferred[None] | None:
        farewell = self._say_goodbye(reason)
        if self._connection is not None:
            self._connection.leave(self)
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.errback(SessionEnded(reason))
        while self._on_end:
            callback, *rest = self._on_end
            self._on_end = tuple(rest)
            self._call(callback, reason)
        left = None if self._attaching else self._leave_avatar(reason)
        if left is None and farewell is None:
            self._leave_connection(reason)
            return None
        return Deferred.fromCoroutine(self._see_out(farewell, left, reason))

    async def _see_out(
        self, farewell: Deferred[object] | None, left: Deferred[None] | None, reason: Reason
    ) -> None:
        if farewell is not None:
            await farewell
        # An avatar that takes its time to detach doesn't keep the connection open.
        self._leave_connection(reason)
        if left is not None:
            await left

    def _call(self, callback: Callable[[Session, Reason], object], reason: Reason) -> None:
        try:
            callback(self, reason)
        except Exception:
            _log.failure(
                "{callback} failed at the end of {session}", callback=callback, session=self
            )

    def _say_goodbye(self, reason: Reason) -> Deferred[object] | None:
        if reason in _DEAF or self.mind is None or not self._opened or self._outer is not None:
            return None
        told = ask(self.mind, "goodbye", (reason.number, reason.text, reason.reconnect), {})
        # Whatever the answer, and be it that there is no such method: the client was told.
        told.addTimeout(GOODBYE_TIMEOUT, self._clock).addErrback(lambda _: None)
        return told

    def _leave_avatar(self, reason: Reason) -> Deferred[None] | None:
        here = _on_avatar.pop(id(self.avatar), ())
        others = tuple([session for session in here if session is not self])
        if others:
            _on_avatar[id(self.avatar)] = others
        if not self._attached:
            return self._let_go()
        self._attached = False
        detached = maybeDeferred(self.avatar.detached, self, reason)
        detached.addErrback(
            lambda why: _log.failure("{session} failed to detach", why, session=self)
        )
        return detached.addCallback(lambda _: self._let_go())

    def _let_go(self) -> Deferred[None] | None:
        logout, self._logout = self._logout, None
        if logout is None:
            return None
        try:
            result = logout()
        except Exception:
            _log.failure("{session} failed to log out", session=self)
            return None
        # That of a session within takes as long as its end.
        return result if isinstance(result, Deferred) else None

    def _leave_connection(self, reason: Reason) -> None:
        connection = self._connection
        if reason in _LEFT or connection is None or not self._opened or self._outer is not None:
            return
        # Not this one's, which is over: there may have been a new login since.
        if Connection.of(connection.broker).sessions:
            return
        if reason is Reason.NO_ANSWER:
            connection.abort()
        else:
            connection.close(self._clock)
