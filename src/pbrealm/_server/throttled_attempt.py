"""
One login with a password, from when it waits for the throttle until it is decided.
"""

from __future__ import annotations

from types import TracebackType
from typing import Protocol

from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime

from pbrealm._server.login_queue import LoginQueue
from pbrealm._server.login_throttle import Attempt, LoginThrottle
from pbrealm.errors import Reason, SessionEnded


class Throttling(Protocol):
    """What a server has for logins with a password."""

    throttle: LoginThrottle
    login_queue: LoginQueue
    clock: IReactorTime


class ThrottledAttempt:
    """
    A context to check the credentials of one login in.

    To enter it takes as long as the throttle delays the attempt.  What comes of it is counted.
    """

    __slots__ = ("_attempt", "_delays", "_server")

    def __init__(
        self,
        server: Throttling,
        origin: str | None,
        account: bytes | None,
        delays: list[Deferred[Attempt]],
    ) -> None:
        """
        @param origin: what connections from the client's address are counted by.
        @param account: its name; L{None} if it isn't known yet.
        @param delays: has the delay of this attempt while it lasts.  It is cancelled if the client
            leaves meanwhile.
        """
        self._server = server
        self._delays = delays
        self._attempt = server.throttle.attempt(origin, account)

    def leave(self) -> None:
        """The credentials are known to be right: from now on the attempt delays no others."""
        self._server.login_queue.leave(self._attempt)

    async def __aenter__(self) -> None:
        """
        Wait for the throttle.

        @raise SessionEnded: if the client leaves meanwhile.
        @raise LoginRefused: if the attempt would be delayed for too long.
        """
        queue = self._server.login_queue
        delay = queue.enter(self._attempt)
        if delay is not None:
            self._delays.append(delay)
            try:
                await delay
            except CancelledError:
                raise SessionEnded(Reason.DISCONNECTED) from None
            finally:
                self._delays.remove(delay)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        server = self._server
        if error is None:
            server.throttle.succeeded(self._attempt)
        elif isinstance(error, UnauthorizedLogin):
            # No checker knows this account, or not with this password.
            server.throttle.failed(self._attempt, server.clock.seconds())
        server.login_queue.leave(self._attempt)
