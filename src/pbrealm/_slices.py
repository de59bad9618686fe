"""
Long work in slices, with other work of the reactor in between.
"""

from __future__ import annotations

from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

SLICE_SECONDS: Final = 0.04
"""How long one piece of work keeps the reactor from other work at a time."""


class Slices:
    """
    Tells when long work has to let the reactor do other work.
    """

    __slots__ = ("_clock", "_seconds", "_until")

    def __init__(self, clock: IReactorTime, seconds: float = SLICE_SECONDS) -> None:
        """
        @param seconds: of a slice.
        """
        self._clock = clock
        self._seconds = seconds
        self._until = clock.seconds() + seconds

    async def pause(self) -> None:
        """Between two steps: go on in the reactor's next round, if the slice is over."""
        if self._clock.seconds() > self._until:
            await deferLater(self._clock, 0)
            self._until = self._clock.seconds() + self._seconds
