"""
What the connections of a server have carried, and what they wait for.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Final

from pbrealm._delivery.queued_broker import QueuedBroker

SLICE_SECONDS: Final = 0.0005
"""How long adding up figures keeps the reactor from other work at a time."""


@dataclass(slots=True)
class Carried:
    """
    What connections have carried, those of clients that came back to their session included.
    """

    bytes_received: int = 0
    """Bytes that clients have sent."""

    bytes_sent: int = 0
    """Bytes that were written to clients."""

    calls_received: int = 0
    """Calls of clients that were run, or refused; those of their logins aren't counted."""

    calls_sent: int = 0
    """Calls of clients' objects, notifications included."""

    def add(self, broker: QueuedBroker) -> None:
        """Add the figures of a connection."""
        self.bytes_received += broker.bytes_received
        self.bytes_sent += broker.bytes_sent
        self.calls_received += broker.calls_received
        self.calls_sent += broker.currentRequestID

    def at_least(self, other: Carried) -> Carried:
        """Of each figure the larger one."""
        return Carried(
            *(
                max(mine, theirs)
                for mine, theirs in zip(astuple(self), astuple(other), strict=True)
            )
        )


@dataclass(slots=True)
class ServerStats:
    """
    Figures of a server, as of the time of asking.
    """

    carried: Carried
    """By all connections that there are, and that there were."""

    connections: int
    """How many connections are open, with or without a login."""

    waiting_bytes: int = 0
    """Bytes that wait to be written, since clients don't keep up."""

    unanswered: int = 0
    """How many calls of clients' objects are without an answer."""

    throttled_logins: int = 0
    """How many logins wait because of wrong passwords before."""

    throttled_logins_total: int = 0
    """How many have had to wait, those included."""

    limited_logins_total: int = 0
    """
    How many were refused before their credentials were checked: there were too many of their
    connection, address or network, or too many connections, or the server is closing.  The
    journal doesn't have them.
    """

    rejected_connections_total: int = 0
    """How many connections were closed at once, since there were too many."""

    def add(self, broker: QueuedBroker) -> None:
        """Add the figures of a connection that isn't lost."""
        self.carried.add(broker)
        self.waiting_bytes += broker.send_queue.waiting_bytes
        self.unanswered += len(broker.waitingForAnswers or ())
