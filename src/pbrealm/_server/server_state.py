"""
What all connections of a server share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from pbrealm._delivery.backlog import Backlog
from pbrealm._delivery.held_bytes import HeldBytes
from pbrealm._error_log import ErrorLog
from pbrealm._server.connection_limits import ConnectionCounter
from pbrealm._server.limits import Limits
from pbrealm._server.login_queue import LoginQueue
from pbrealm._server.login_rate import OriginRates
from pbrealm._server.login_throttle import LoginThrottle
from pbrealm._server.resumption import ResumptionMethods, Resumptions
from pbrealm._session.connection import ConnectedSession
from pbrealm._wire.message_limits import MessageLimits

MAX_UNAUTHENTICATED_ITEMS: Final = 512
"""Items of a message before the login.  A login has 20; the error that answers a ping has 100."""


class OpenConnection(Protocol):
    """What a server asks of its connections."""

    @property
    def sessions(self) -> Sequence[ConnectedSession]:
        """The sessions on it, also those whose login is pending."""

    def close(self) -> Deferred[None]:
        """
        Close.

        @return: fires when the connection is lost, and never fails.
        """


class ServerState:
    """
    The limits, the clock, and the tables of a server.

    @ivar held: what is kept for the clients until changes are saved.
    @ivar away: counts the clients that may come back.
    @ivar connections: those that are open, or whose client may come back.
    @ivar closing: whether the server accepts no more connections and logins.
    @ivar unauthenticated: the limits on messages of a client without a login.
    @ivar logged_in: the limits on messages of a client with a login.
    """

    def __init__(self, limits: Limits, backlog: Backlog, clock: IReactorTime) -> None:
        self.limits = limits
        self.backlog = backlog
        self.clock = clock
        self.errors = ErrorLog(clock)
        self.counter = ConnectionCounter(limits)
        self.away = ConnectionCounter(limits)
        self.resumptions = Resumptions(clock, limits.resume_seconds)
        self.resumption_methods = ResumptionMethods(self.resumptions)
        self.login_rates = OriginRates(limits)
        self.throttle = LoginThrottle(limits)
        self.login_queue = LoginQueue(self.throttle, clock, 2 * limits.throttle_max_seconds)
        self.held = HeldBytes()
        self.connections: set[OpenConnection] = set()
        self.closing = False
        self.unauthenticated = MessageLimits(
            message_bytes=limits.unauthenticated_message_bytes,
            depth=limits.unauthenticated_depth,
            items=min(limits.unauthenticated_message_bytes, MAX_UNAUTHENTICATED_ITEMS),
        )
        self.logged_in = MessageLimits(message_bytes=limits.message_bytes, depth=limits.depth)
