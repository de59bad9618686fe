"""
What all visitors of a factory have in common.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

from pbrealm.front.door import Door
from pbrealm.front.failures import Failures
from pbrealm.front.limits import Limits
from pbrealm.wire.limits import MessageLimits
from pbrealm.wire.outbox import Backlog


class House:
    """
    The limits, the clock, and the books that are kept on visitors.

    @ivar stranger: what a message of a client without a login may be.
    @ivar member: what one of a client with a login may be.
    """

    def __init__(self, limits: Limits, backlog: Backlog, clock: IReactorTime) -> None:
        self.limits = limits
        self.backlog = backlog
        self.clock = clock
        self.door = Door(limits)
        self.failures = Failures(limits)
        self.stranger = MessageLimits(
            limits.stranger_message_bytes, limits.stranger_depth, limits.stranger_message_bytes
        )
        self.member = MessageLimits(limits.message_bytes, limits.depth)
