"""
Coming back to a session, over one new connection after another, until it works or is too late.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm._cancellable import cancellable
from pbrealm.client._backoff import Backoff
from pbrealm.client._endpoints import Endpoints
from pbrealm.client._login_broker import LoginBroker, LoginFactory
from pbrealm.client._login_failures import lost, no_connection, no_session, not_resumed_yet
from pbrealm.client._login_settings import LoginSettings
from pbrealm.client._resumption import Resumption
from pbrealm.errors import LoginEnded, Reason

# The longest delay, as a part of the time to come back in.
_OF_THE_TIME: Final = 0.25


async def come_back(
    settings: LoginSettings,
    resumption: Resumption,
    endpoints: Endpoints,
    backoff: Backoff,
    waiting: Callable[[float, LoginEnded], object],
) -> None:
    """
    Come back to a session whose connection is lost.

    @param waiting: called before each attempt, with the seconds until then and what has happened.
    @raise LoginEnded: if there is nothing to come back to any more.
    """
    clock = settings.clock
    until = clock.seconds() + resumption.seconds
    why = lost()
    while (left := until - clock.seconds()) > 0:
        # So that there are several attempts in time, however long the delays have become.
        seconds = min(backoff.next(resumption.seconds * _OF_THE_TIME), left)
        waiting(seconds, why)
        await deferLater(clock, seconds)
        try:
            await _Attempt(settings, resumption).run(endpoints.take())
        except _Failed as failed:
            why = failed.why
            endpoints.next()
        else:
            return
    raise lost("for too long to come back to the session")


class _Failed(Exception):
    """
    An attempt to come back has failed, and the next one may not.

    @ivar why: what has happened.
    """

    def __init__(self, why: LoginEnded) -> None:
        super().__init__(why.sentence)
        self.why = why


class _Attempt:
    """
    One new connection, which the session goes on over if the server lets it.
    """

    def __init__(self, settings: LoginSettings, resumption: Resumption) -> None:
        self._settings = settings
        self._resumption = resumption
        self._factory = LoginFactory(self, settings.mind, settings.goodbye)
        self._broker: LoginBroker | None = None
        self._given_up = False

    async def run(self, endpoint: IStreamClientEndpoint) -> None:
        """
        Come back.

        @raise LoginEnded: if there is nothing to come back to any more.
        """
        settings = self._settings
        connected = cancellable(maybeDeferred(endpoint.connect, self._factory))
        try:
            await self._in_time("connection", connected, settings.connect_timeout)
        except BaseException as why:
            self._given_up = True
            if isinstance(why, CancelledError):
                raise
            raise _Failed(no_connection(Failure())) from None
        resumed = Deferred.fromCoroutine(self._resume())
        try:
            await self._in_time("answer", resumed, settings.login_timeout)
        except BaseException as why:
            if self._broker is not None:
                self._broker.transport.abortConnection()
            if isinstance(why, CancelledError):
                raise
            failure = Failure()
            yet = not_resumed_yet(failure)
            raise no_session(failure) if yet is None else _Failed(yet) from None

    def _in_time(self, what: str, awaited: Deferred[Any], seconds: float) -> Deferred[Any]:
        late = LoginEnded(f"no {what} within {seconds:g} seconds", Reason.NO_ANSWER)
        return awaited.addTimeout(seconds, self._settings.clock, lambda *_: Failure(late))

    async def _resume(self) -> None:
        root: pb.RemoteReference = await self._factory.getRootObject()
        assert self._broker is not None
        await self._resumption.resume(self._broker, root)

    # For the broker

    def made(self, broker: LoginBroker) -> None:
        """The connection is made."""
        if self._given_up:
            # The endpoint was too late, or doesn't let itself be cancelled.
            broker.transport.abortConnection()
            return
        self._broker = broker

    def heard(self) -> None:
        """Something has come from the server."""

    def told_goodbye(self, code: int, text: str, reconnect: bool) -> None:
        """Over a connection without a login, there is no goodbye."""

    def away(self, broker: LoginBroker) -> None:
        """A connection without a login can't be resumed."""

    def gone(self, broker: LoginBroker) -> None:
        """The connection is lost: what was called over it has failed."""
        # But not what waits for the greeting, since endpoints don't tell the factory.
        self._factory.clientConnectionLost(None, Failure(ConnectionLost()))
