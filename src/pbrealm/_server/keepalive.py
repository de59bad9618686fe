"""
Finding the dead.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Keepalive:
    """
    Asks a client that has been silent for a sign of life, and says so if none comes.

    A client that goes silent is found within the interval and the time-out together.

    @ivar heard: when something last came from it; whoever receives it says so.
    """

    __slots__ = ("_ask", "_asked", "_call", "_clock", "_dead", "_interval", "_timeout", "heard")

    def __init__(
        self,
        clock: IReactorTime,
        interval: float,
        timeout: float,
        ask: Callable[[], object],
        dead: Callable[[], object],
    ) -> None:
        """
        @param interval: seconds of silence before the client is asked.
        @param timeout: seconds that it gets to say anything.
        @param ask: sends it something that it answers.
        @param dead: called once, if it doesn't.
        """
        self._clock = clock
        self._interval = interval
        self._timeout = timeout
        self._ask = ask
        self._dead = dead
        self._asked = 0.0
        self.heard = clock.seconds()
        self._call: IDelayedCall = clock.callLater(interval, self._look)

    def stop(self) -> None:
        """Look no more."""
        if self._call.active():
            self._call.cancel()

    def _look(self) -> None:
        now = self._clock.seconds()
        left = self.heard + self._interval - now
        if left > 0:
            self._call = self._clock.callLater(left, self._look)
            return
        self._asked = now
        self._call = self._clock.callLater(self._timeout, self._time_is_up)
        self._ask()

    def _time_is_up(self) -> None:
        # If the reactor was held up, the answer may have come and not been read: timers run
        # before sockets are looked at, so it takes one more round.
        self._call = self._clock.callLater(0, self._decide)

    def _decide(self) -> None:
        if self.heard >= self._asked:
            self._look()
        else:
            self._dead()
