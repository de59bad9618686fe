"""
What all connections of a server share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from pbrealm._delivery.backlog import Backlog, CurrentBacklog
from pbrealm._delivery.held_bytes import HeldBytes
from pbrealm._error_log import ErrorLog
from pbrealm._server.connection_limits import ConnectionCounter
from pbrealm._server.limits import CurrentLimits, Limits
from pbrealm._server.login_queue import LoginQueue
from pbrealm._server.login_rate import OriginRates
from pbrealm._server.login_throttle import LoginThrottle
from pbrealm._server.meter import Meter
from pbrealm._server.resumption import ResumptionMethods, Resumptions
from pbrealm._server.stats import SLICE_SECONDS, Carried, ServerStats
from pbrealm._session.connection import ConnectedSession
from pbrealm._slices import Slices
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

    def add_to(self, stats: ServerStats) -> object:
        """Add its figures to those of the server."""

    def limits_changed(self) -> object:
        """The server has other limits."""

    def meter_changed(self) -> object:
        """The server has another meter, or none."""


class ServerState:
    """
    The limits, the clock, and the tables of a server.

    @ivar limits: those that hold now; L{replace_limits} has others hold.
    @ivar backlog: what may wait for each client; it may be replaced at any time.
    @ivar meter: measures calls and logins; L{None} if nobody asks.
    @ivar held: what is kept for the clients until changes are saved.
    @ivar away: counts the clients that may come back.
    @ivar connections: those that are open, or whose client may come back.
    @ivar carried: what the connections have carried that are lost.
    @ivar limited_logins: how many logins were refused before their credentials were checked.
    @ivar rejected_connections: how many connections were closed at once, as too many.
    @ivar closing: whether the server accepts no more connections and logins.
    @ivar unauthenticated: the limits on messages of a client without a login.
    @ivar logged_in: the limits on messages of a client with a login.
    """

    def __init__(self, limits: Limits, backlog: Backlog, clock: IReactorTime) -> None:
        self.limits = limits = CurrentLimits.of(limits)
        self.backlog = CurrentBacklog.of(backlog)
        self.clock = clock
        self.meter: Meter | None = None
        self.errors = ErrorLog(clock)
        self.counter = ConnectionCounter(limits)
        self.away = ConnectionCounter(limits)
        self.resumptions = Resumptions(clock, limits.resume_seconds)
        self.resumption_methods = ResumptionMethods(self.resumptions)
        self.login_rates = OriginRates(limits)
        self.throttle = LoginThrottle(limits)
        self.login_queue = LoginQueue(self.throttle, clock, _patience(limits))
        self.held = HeldBytes()
        self.connections: set[OpenConnection] = set()
        self.carried = Carried()
        self.limited_logins = 0
        self.rejected_connections = 0
        self.closing = False
        self.unauthenticated, self.logged_in = _message_limits(limits)

    async def stats(self) -> ServerStats:
        """The figures of the server, which are added up in slices."""
        stats = ServerStats(
            replace(self.carried),
            self.counter.open,
            throttled_logins=self.login_queue.waiting,
            throttled_logins_total=self.login_queue.delayed,
            limited_logins_total=self.limited_logins,
            rejected_connections_total=self.rejected_connections,
        )
        # Those that are lost meanwhile still have their figures, so each counts once.
        slices = Slices(self.clock, SLICE_SECONDS)
        for connection in tuple(self.connections):
            connection.add_to(stats)
            await slices.pause()
        return stats

    def set_meter(self, meter: Meter | None) -> None:
        """Have calls and logins measured by another meter, or by none."""
        self.meter = meter
        for connection in self.connections:
            connection.meter_changed()

    def replace_limits(self, limits: Limits) -> None:
        """
        Have other limits from now on, also for those who are connected.

        A connection that is over a limit on connections stays.  Who has begun to come back to a
        session, or has to log in, has the time that was allowed when that began.
        """
        self.limits.replace(limits)
        self.unauthenticated, self.logged_in = _message_limits(limits)
        self.resumptions.seconds = limits.resume_seconds
        self.throttle.limits_changed()
        self.login_queue.patience = _patience(limits)
        for connection in self.connections:
            connection.limits_changed()


def _message_limits(limits: Limits) -> tuple[MessageLimits, MessageLimits]:
    unauthenticated = MessageLimits(
        message_bytes=limits.unauthenticated_message_bytes,
        depth=limits.unauthenticated_depth,
        items=min(limits.unauthenticated_message_bytes, MAX_UNAUTHENTICATED_ITEMS),
    )
    return unauthenticated, MessageLimits(message_bytes=limits.message_bytes, depth=limits.depth)


def _patience(limits: Limits) -> float:
    return 2 * limits.throttle_max_seconds
