"""
One connection of a client that stays logged in.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm._cancellable import cancellable
from pbrealm._wire.keepalive import Keepalive
from pbrealm._wire.taken_bytes import TakenBytes
from pbrealm.client._backoff import Backoff
from pbrealm.client._endpoints import Endpoints
from pbrealm.client._login_broker import LoginBroker, LoginFactory
from pbrealm.client._login_failures import (
    logged_out,
    lost,
    no_connection,
    no_credentials,
    no_login,
    said_goodbye,
)
from pbrealm.client._login_settings import LoginSettings, check_credentials
from pbrealm.client._login_states import CONNECTION, ConnectionState
from pbrealm.client._resumption import Resumption
from pbrealm.client._returning import come_back
from pbrealm.errors import LoginEnded, Reason

CLOSE_TIMEOUT: Final = 5.0
"""Seconds that a connection gets to be closed in an orderly way, before it is aborted."""


_OVER: Final = (ConnectionState.CLOSING, ConnectionState.CLOSED)


class LoginConnection:
    """
    Connects, logs in once, and watches over the login until its connection is lost.
    """

    __slots__ = (
        "_abort",
        "_awaited",
        "_backoff",
        "_broker",
        "_closed",
        "_ended",
        "_endpoints",
        "_keepalive",
        "_logged_in",
        "_perspective",
        "_resumed",
        "_resumption",
        "_settings",
        "_since",
        "_state",
        "_waiting",
    )

    def __init__(
        self,
        settings: LoginSettings,
        endpoints: Endpoints,
        backoff: Backoff,
        logged_in: Callable[[Any], object],
        waiting: Callable[[float, LoginEnded], object],
        resumed: Callable[[], object],
        ended: Callable[[LoginEnded], object],
        closed: Callable[[], object],
    ) -> None:
        """
        @param logged_in: called with the perspective, if the login is accepted.
        @param waiting: called while the connection is lost, before each attempt to come back to
            the session, with the seconds until then and what has happened.
        @param resumed: called when the client is back.
        @param ended: called once: the login is over, or has failed.
        @param closed: called once after that, when nothing is left of the connection.
        """
        self._settings = settings
        self._endpoints = endpoints
        self._backoff = backoff
        self._logged_in = logged_in
        self._waiting = waiting
        self._resumed = resumed
        self._ended = ended
        self._closed = closed
        self._state = ConnectionState.CONNECTING
        # None as long as there is no connection, and when it is lost.
        self._broker: LoginBroker | None = None
        self._perspective: Any = None
        self._keepalive: Keepalive | None = None
        # None if the session can't be resumed.
        self._resumption: Resumption | None = None
        # What the login waits for, or the return.
        self._awaited: Deferred[Any] | None = None
        self._abort: IDelayedCall | None = None
        # When the client logged in, or came back the last time.
        self._since = 0.0

    def begin(self) -> None:
        """Connect and log in.  This may end at once."""
        Deferred.fromCoroutine(self._log_in()).addCallbacks(self._answered, self._failed)

    async def _log_in(self) -> Any:
        settings = self._settings
        credentials = await self._step(
            *("credentials", settings.login_timeout, no_credentials),
            settings.credentials,
        )
        check_credentials(credentials)
        factory = LoginFactory(self, settings.mind, settings.goodbye)
        await self._step(
            *("connection", settings.connect_timeout, no_connection),
            *(self._endpoints.take().connect, factory),
        )
        return await self._step(
            *("login", settings.login_timeout, no_login),
            *(self._log_in_over, factory, credentials),
        )

    def _log_in_over(self, factory: LoginFactory, credentials: Any) -> Deferred[Any]:
        """
        @return: fires with the perspective.
        """
        settings = self._settings

        def identify(root: pb.RemoteReference) -> Deferred[Any]:
            # A server that knows nothing of this says so.
            root.callRemote("identify", settings.client_id).addErrback(lambda _: None)
            # Not by a coroutine, which would lose the type of an error.
            login: Deferred[Any] = factory.login(credentials, settings.mind)
            return login.addCallback(logged_in, root)

        def logged_in(perspective: Any, root: pb.RemoteReference) -> Deferred[Any]:
            return Deferred.fromCoroutine(self._make_resumable(perspective, root))

        login: Deferred[Any]
        if settings.resume_bytes is None:
            login = factory.login(credentials, settings.mind)
        else:
            login = factory.getRootObject().addCallback(identify)
        return login

    async def _make_resumable(self, perspective: Any, root: pb.RemoteReference) -> Any:
        broker, limit = self._broker, self._settings.resume_bytes
        if broker is not None and limit is not None:
            with suppress(pb.RemoteError, pb.Error):
                self._resumption = await Resumption.begin(broker, root, limit)
        return perspective

    async def _step(
        self,
        what: str,
        timeout: float,
        failed: Callable[[Failure], LoginEnded],
        begin: Callable[..., Any],
        *args: Any,
    ) -> Any:
        """
        Do one step of the login.

        @param what: what it gives.
        @param timeout: the seconds that it may take.
        @param failed: says why it has failed.
        @raise LoginEnded: if it fails.
        """
        awaited = self._awaited = cancellable(maybeDeferred(begin, *args))
        if self._state in _OVER:
            # This was ended by what has just been called.
            awaited.cancel()
        late = LoginEnded(f"no {what} within {timeout:g} seconds", Reason.NO_ANSWER)
        awaited.addTimeout(timeout, self._settings.clock, lambda *_: Failure(late))
        # What fails because this is over is no failure of the server.
        awaited.addErrback(lambda why: why if self._state in _OVER else Failure(failed(why)))
        return await awaited

    def _answered(self, perspective: Any) -> None:
        if self._state in _OVER:
            return
        self._state = CONNECTION.to(ConnectionState.LOGGED_IN, self._state)
        self._perspective = perspective
        self._connected()
        self._logged_in(perspective)

    def _connected(self) -> None:
        """A connection with a login begins."""
        settings, broker = self._settings, self._broker
        assert broker is not None
        self._since = settings.clock.seconds()
        if settings.ping_interval:
            self._keepalive = Keepalive(
                settings.clock,
                settings.ping_interval,
                settings.ping_timeout,
                self._ping,
                TakenBytes(broker.transport),
                self._found_dead,
            )

    def _disconnected(self) -> None:
        """Such a connection is lost or over."""
        if self._keepalive is not None:
            self._keepalive.stop()
        if self._backoff.lasted(self._settings.clock.seconds() - self._since):
            self._endpoints.begin_anew()

    def _failed(self, why: Failure) -> None:
        self._end(no_login(why))

    def _ping(self) -> None:
        if self._resumption is not None:
            self._resumption.stream.acknowledge_if_due()
        # Whatever the server answers is a sign of life, so nobody waits for just that.
        if self._broker is not None and not self._broker.send_ping():
            settings = self._settings
            answer = self._broker.ping().addTimeout(settings.ping_timeout, settings.clock)
            answer.addErrback(lambda _: None)

    def _found_dead(self) -> None:
        if self._resumption is not None and self._resumption.stream.resumable:
            self._resumption.stream.detach()
            return
        self._end(LoginEnded("the server doesn't answer", Reason.NO_ANSWER))

    # For the service

    def leave(self) -> None:
        """Log out and close the connection; or give up, if the login isn't answered yet."""
        broker, perspective = self._broker, self._perspective
        if self._state is not ConnectionState.LOGGED_IN or broker is None:
            self._end(logged_out())
            return
        if isinstance(perspective, pb.RemoteReference) and perspective.doRefCount:
            # As when the program drops the reference, which it may hold as well.
            perspective.doRefCount = 0
            broker.sendDecRef(perspective.luid)
        self._end(logged_out(), broker.transport.loseConnection)

    # For the broker

    def made(self, broker: LoginBroker) -> None:
        """The connection is made."""
        if self._state is not ConnectionState.CONNECTING or self._broker is not None:
            # The endpoint was too late, or doesn't let itself be cancelled.
            broker.transport.abortConnection()
            return
        self._broker = broker
        self._state = CONNECTION.to(ConnectionState.LOGGING_IN, self._state)

    def heard(self) -> None:
        """Something has come from the server: a sign of life."""
        if self._keepalive is not None:
            self._keepalive.last_heard = self._settings.clock.seconds()

    def told_goodbye(self, code: int, text: str, reconnect: bool) -> None:
        """
        The server has ended the session.

        It closes the connection when the goodbye is answered, and until then it answers the calls
        that are under way.
        """
        self._end(said_goodbye(code, text, reconnect), _wait_for_the_server)

    def away(self, broker: LoginBroker) -> None:
        """The connection is lost, and may be resumed."""
        resumption = self._resumption
        if self._state is not ConnectionState.LOGGED_IN or resumption is None:
            # The server has said goodbye, or the program has.
            broker.transport.abortConnection()
            return
        self._state = CONNECTION.to(ConnectionState.AWAY, self._state)
        self._disconnected()
        returning = come_back(
            self._settings, resumption, self._endpoints, self._backoff, self._waiting
        )
        self._awaited = Deferred.fromCoroutine(returning)
        self._awaited.addCallbacks(self._back, self._failed)

    def _back(self, _: None) -> None:
        if self._state in _OVER:
            return
        self._state = CONNECTION.to(ConnectionState.LOGGED_IN, self._state)
        self._connected()
        self._resumed()

    def gone(self, broker: LoginBroker) -> None:
        """The connection is lost for good."""
        if broker is not self._broker:
            return
        self._broker = None
        if self._abort is not None and self._abort.active():
            self._abort.cancel()
        if self._state is ConnectionState.CLOSING:
            self._close()
        else:
            answered = self._perspective is not None
            self._end(lost() if answered else lost("before the login was answered"))

    # The end

    def _end(self, why: LoginEnded, close: Callable[[], object] | None = None) -> None:
        """
        End the login, once.

        @param close: closes the connection in time; by default it is aborted.
        """
        if self._state in _OVER:
            return
        if self._state is ConnectionState.LOGGED_IN:
            self._disconnected()
        self._state = CONNECTION.to(ConnectionState.CLOSING, self._state)
        self._perspective = None
        if self._awaited is not None:
            self._awaited.cancel()
        self._ended(why)
        # What was told of the end may have closed the connection.
        if self._state is ConnectionState.CLOSED:
            return
        if self._broker is None:
            self._close()
            return
        abort = self._broker.transport.abortConnection
        if close is None:
            abort()
        else:
            self._abort = self._settings.clock.callLater(CLOSE_TIMEOUT, abort)
            close()

    def _close(self) -> None:
        self._state = CONNECTION.to(ConnectionState.CLOSED, self._state)
        self._closed()


def _wait_for_the_server() -> None:
    """Let the server close the connection."""
