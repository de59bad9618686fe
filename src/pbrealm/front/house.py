"""
What all visitors of a factory have in common.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.interfaces import IReactorTime

from pbrealm.front.door import Door
from pbrealm.front.failures import Failures
from pbrealm.front.limits import Limits
from pbrealm.wire.limits import MessageLimits
from pbrealm.wire.outbox import Backlog

if TYPE_CHECKING:
    from pbrealm.front.visitor import Visitor


class House:
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
        self.door = Door(limits)
        self.failures = Failures(limits)
        self.visitors: set[Visitor] = set()
        self.closed = False
        self.stranger = MessageLimits(
            limits.stranger_message_bytes, limits.stranger_depth, limits.stranger_message_bytes
        )
        self.member = MessageLimits(limits.message_bytes, limits.depth)
