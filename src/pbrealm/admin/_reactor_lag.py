"""
How late the reactor is.
"""

from __future__ import annotations

from typing import Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from pbrealm._histogram import Histogram

INTERVAL: Final = 0.1
"""Seconds between two looks.  What holds the reactor up for longer is always noticed."""


class ReactorLag:
    """
    Measures how late the reactor makes a call, ten times a second.

    @ivar histogram: of the seconds.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self.histogram = Histogram()
        self._clock = clock
        self._call: IDelayedCall | None = None

    def start(self) -> None:
        """Begin to measure."""
        self._call = self._clock.callLater(INTERVAL, self._look, self._clock.seconds() + INTERVAL)

    def stop(self) -> None:
        """Measure no more."""
        call, self._call = self._call, None
        if call is not None:
            call.cancel()

    def _look(self, due: float) -> None:
        # The clock may have been set back meanwhile.
        self.histogram.observe(max(0.0, self._clock.seconds() - due))
        self.start()
