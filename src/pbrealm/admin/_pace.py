"""
A pace for the work of many requests together, which leaves the reactor to the clients.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Coroutine, Generator
from functools import partial
from types import coroutine
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

SHARE: Final = 0.005
"""
How much of the reactor's time work may take in the long run.  A call that meets such work takes
longer.  As long as far fewer than one in a hundred do, the 99th percentile stays as it is.
"""

BURST: Final = 0.5
"""Seconds that it may take before that, as after a time with little work."""

MAX_PAUSE: Final = 1.0
"""Seconds that the next step waits at most, however much was done before."""

_T = TypeVar("_T")


class Pace:
    """
    Runs coroutines step by step: from one C{await} that has to wait to the next.

    Those that want to go on take turns, one step in each turn of the reactor.  Once they have
    taken more than L{BURST} seconds above their L{SHARE}, there are pauses between the steps.
    Waiting for something else than a turn costs nothing.
    """

    def __init__(self, clock: IReactorTime, max_pause: float = MAX_PAUSE) -> None:
        """
        @param max_pause: seconds that the next step waits at most.
        """
        self._clock = clock
        self._max_pause = max_pause
        self._waiting: deque[Deferred[None]] = deque()
        self._next: IDelayedCall | None = None
        # When it is due at the latest.
        self._latest = 0.0
        # Seconds of work above the share, as of a time.
        self._owed = 0.0
        self._as_of = clock.seconds()

    @coroutine
    def run(self, work: Coroutine[Any, Any, _T]) -> Generator[Any, Any, _T]:
        """
        Run a coroutine.

        @return: its result, to be awaited.
        """
        step = partial(work.send, None)
        try:
            yield from self._turn().__await__()
            while True:
                begun = self._clock.seconds()
                try:
                    awaited = step()
                except StopIteration as done:
                    result: _T = done.value
                    return result
                finally:
                    self.charge(self._clock.seconds() - begun)
                # A Deferred tells its result while it calls back only, so that is held up itself.
                awaited.addCallback(self._in_turn)
                try:
                    step = partial(work.send, (yield awaited))
                except Exception as why:
                    step = partial(work.throw, why)
        finally:
            work.close()

    def _in_turn(self, result: _T) -> Deferred[_T]:
        return self._turn().addCallback(lambda _: result)

    def _turn(self) -> Deferred[None]:
        turn: Deferred[None] = Deferred(self._give_up)
        self._waiting.append(turn)
        self._schedule()
        return turn

    def _give_up(self, turn: Deferred[None]) -> None:
        self._waiting.remove(turn)
        if not self._waiting and self._next is not None:
            self._next.cancel()
            self._next = None

    def _schedule(self) -> None:
        if self._waiting and self._next is None:
            self._latest = self._clock.seconds() + self._max_pause
            self._next = self._clock.callLater(self._pause(), self._go_on)

    def _pause(self) -> float:
        return max(0.0, (self._still_owed() - BURST) / SHARE)

    def _go_on(self) -> None:
        self._next = None
        self._waiting.popleft().callback(None)
        self._schedule()

    def charge(self, seconds: float) -> None:
        """Count work that was done otherwise."""
        # The clock may have been set meanwhile.
        owed = self._still_owed() + max(0.0, seconds)
        self._owed = min(owed, BURST + self._max_pause * SHARE)
        if self._next is not None:
            # Others who go on working don't keep it waiting for ever.
            left = max(0.0, self._latest - self._clock.seconds())
            self._next.reset(min(self._pause(), left))

    def _still_owed(self) -> float:
        now = self._clock.seconds()
        paid = max(0.0, now - self._as_of) * SHARE
        self._as_of = now
        self._owed = max(0.0, self._owed - paid)
        return self._owed
