"""
What a session's connection has carried, and what it waits for.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted.internet.interfaces import IReactorTime
from twisted.spread import pb

from pbrealm._delivery.queued_broker import QueuedBroker


@dataclass(frozen=True, slots=True)
class SessionStats:
    """
    Figures of the connection of a session, as of the time of asking.

    Where a client has several sessions on a connection, they are those of all of them; where it
    has come back to its session, those of its connections together.
    """

    bytes_received: int
    """Bytes that the client has sent."""

    bytes_sent: int
    """Bytes that were written to the client."""

    calls_received: int
    """Calls of the client that were run, or refused; those of its logins aren't counted."""

    calls_sent: int
    """Calls of the client's objects, notifications included."""

    waiting_bytes: int
    """Bytes that wait to be written, since the client doesn't keep up."""

    unanswered: int
    """How many calls of the client's objects are without an answer."""

    oldest_unanswered: float | None
    """
    Seconds since the oldest of these was made, or up to one more; L{None} if there are none, or
    their time isn't noted, as without an administration service.
    """

    silent: float | None
    """Seconds since the last sign of life; L{None} if the client isn't pinged."""


def stats_of(broker: pb.Broker, clock: IReactorTime) -> SessionStats | None:
    """
    The figures of a connection.

    @return: L{None} for a connection that isn't one of a L{ServerFactory
        <pbrealm.ServerFactory>}.
    """
    if not isinstance(broker, QueuedBroker):
        return None
    awaited = broker.waitingForAnswers or ()
    ages, heard = broker.answer_ages, broker.last_heard
    return SessionStats(
        bytes_received=broker.bytes_received,
        bytes_sent=broker.bytes_sent,
        calls_received=broker.calls_received,
        calls_sent=broker.currentRequestID,
        waiting_bytes=broker.send_queue.waiting_bytes,
        unanswered=len(awaited),
        oldest_unanswered=None if ages is None else ages.oldest(awaited),
        silent=None if heard is None else clock.seconds() - heard,
    )
