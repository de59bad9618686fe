"""
What broadcasts have yet to send, in the order in which each connection is to get it.

A broadcast to very many clients is sent in slices.  Other notifications and broadcasts to one of
them must not overtake it meanwhile.  Answers to calls of the clients may.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Protocol

from twisted.spread import pb

from pbrealm._broker_slot import BrokerSlot


class SlicedBroadcast(Protocol):
    """A broadcast that isn't sent to all yet."""

    def send_to(self, at: int) -> None:
        """Send to the target with this index."""


_UNSENT: Final = BrokerSlot[deque[tuple[SlicedBroadcast, int]]]("unsent")

UNSENT_ATTRIBUTE: Final = _UNSENT.name
"""The attribute of brokers that L{send_unsent} has something to send for."""


def add_unsent(broker: pb.Broker, broadcast: SlicedBroadcast, at: int) -> None:
    """A broadcast has yet to send to its target C{at}, which is on this connection."""
    unsent = _UNSENT.get(broker)
    if unsent is None:
        unsent = deque()
        _UNSENT.set(broker, unsent)
    unsent.append((broadcast, at))


def send_unsent(broker: pb.Broker) -> None:
    """Send all that broadcasts have yet to send to this connection."""
    unsent = _UNSENT.get(broker)
    if unsent is None:
        return
    # One at a time: what is sent may end a session, whose goodbye then comes after the rest.
    while unsent:
        broadcast, at = unsent.popleft()
        broadcast.send_to(at)
    if _UNSENT.get(broker) is unsent:
        _UNSENT.clear(broker)
