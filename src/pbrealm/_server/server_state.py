"""
What all visitors of a factory have in common.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.interfaces import IReactorTime

from pbrealm._delivery.backlog import Backlog
from pbrealm._server.connection_limits import ConnectionCounter
from pbrealm._server.limits import Limits
from pbrealm._server.login_throttle import LoginThrottle
from pbrealm._wire.message_limits import MessageLimits

if TYPE_CHECKING:
    from pbrealm._server.client_connection import ClientConnection


class ServerState:
    """
    The limits, the clock, and the books that are kept on visitors.

    @ivar visitors: those who are connected.
    @ivar closed: whether nobody is let in any more.
    @ivar stranger: what a message of a client without a login may be.
    @ivar member: what one of a client with a login may be.
    """

    def __init__(self, limits: Limits, backlog: Backlog, clock: IReactorTime) -> None:
        self.limits = limits
        self.backlog = backlog
        self.clock = clock
        self.door = ConnectionCounter(limits)
        self.failures = LoginThrottle(limits)
        self.visitors: set[ClientConnection] = set()
        self.closed = False
        self.stranger = MessageLimits(
            limits.unauthenticated_message_bytes,
            limits.unauthenticated_depth,
            limits.unauthenticated_message_bytes,
        )
        self.member = MessageLimits(limits.message_bytes, limits.depth)
