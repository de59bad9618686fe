"""
Keepalive: finds connections whose peer has stopped answering.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Taken(Protocol):
    """
    Tells whether a peer takes what it is sent, which is a sign of life, too.
    """

    def mark(self) -> None:
        """Begin to watch."""

    def some(self) -> bool:
        """Whether the peer has taken anything since the mark."""


class Keepalive:
    """
    Pings a peer that has been silent, and reports it as dead if it stays silent.

    A peer that goes silent is reported within the interval and the timeout together.

    @ivar last_heard: when the peer last gave a sign of life, by the clock; whoever notices a sign
        of life sets it.
    """

    __slots__ = (
        "_call",
        "_clock",
        "_dead",
        "_interval",
        "_ping",
        "_pinged",
        "_taken",
        "_timeout",
        "last_heard",
    )

    def __init__(
        self,
        clock: IReactorTime,
        interval: float,
        timeout: float,
        ping: Callable[[], object],
        taken: Taken,
        dead: Callable[[], object],
    ) -> None:
        """
        @param interval: seconds of silence before a ping.
        @param timeout: seconds to wait for a sign of life after a ping.
        @param ping: sends something that the peer answers.
        @param taken: is asked about a peer that hasn't answered.
        @param dead: called once, if the peer stays silent.
        """
        self._clock = clock
        self._interval = interval
        self._timeout = timeout
        self._ping = ping
        self._taken = taken
        self._dead = dead
        self._pinged = 0.0
        self.last_heard = clock.seconds()
        self._call: IDelayedCall = clock.callLater(interval, self._check)

    def stop(self) -> None:
        """Stop for good."""
        if self._call.active():
            self._call.cancel()

    def go_on(self) -> None:
        """After all, the peer isn't dead: wait as if something had come from it now."""
        self.last_heard = self._clock.seconds()
        self._check()

    def _check(self) -> None:
        now = self._clock.seconds()
        left = self.last_heard + self._interval - now
        if left > 0:
            self._call = self._clock.callLater(left, self._check)
            return
        self._pinged = now
        self._call = self._clock.callLater(self._timeout, self._timed_out)
        self._taken.mark()
        self._ping()

    def _timed_out(self) -> None:
        if self.last_heard >= self._pinged:
            self._check()
            return
        # If the reactor was blocked, the answer may be in the socket's buffer: a reactor runs its
        # timers before it reads.  So wait for one more round.
        self._call = self._clock.callLater(0, self._decide)

    def _decide(self) -> None:
        if self.last_heard < self._pinged and self._taken.some():
            # At some time after the ping.  For a peer that stopped at once, its time is up as
            # long after the ping as if that had been its last word.
            self.last_heard = self._pinged
        if self.last_heard >= self._pinged:
            self._check()
        else:
            self._dead()
