"""
The time that a client has to log in.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class LoginTimeout:
    """
    Runs while a client has no login and the server doesn't decide on one.

    @ivar seconds: that a client has in all, from the next start on; 0 for any time.
    """

    __slots__ = ("_call", "_clock", "_left", "_timed_out", "seconds")

    def __init__(
        self, clock: IReactorTime, seconds: float, timed_out: Callable[[], object]
    ) -> None:
        """
        @param timed_out: called when they are over.
        """
        self._clock = clock
        self.seconds = seconds
        self._timed_out = timed_out
        self._call: IDelayedCall | None = None
        # What was left when it was stopped.
        self._left = 0.0

    def start(self) -> None:
        """Run for all the time that a client has, from now on."""
        self._run(self.seconds)

    def resume(self) -> None:
        """Run for what was left when this was stopped; if it runs, that is no error."""
        if self._call is None:
            self._run(self._left)

    def _run(self, seconds: float) -> None:
        self.stop()
        if self.seconds:
            self._call = self._clock.callLater(seconds, self._timed_out)

    def stop(self) -> None:
        """Stop; if it doesn't run, that is no error."""
        call, self._call = self._call, None
        if call is not None and call.active():
            # If the reactor was blocked, it may be overdue.
            self._left = max(0, call.getTime() - self._clock.seconds())
            call.cancel()
