"""
Draining a server: its clients leave one by one, to come back to another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import auto
from typing import Final, Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from pbrealm._transitions import State, Transitions
from pbrealm.errors import Reason

STEP: Final = 0.02
"""Seconds between two steps at least."""


_LEAST: Final = 0.001


class DrainState(State):
    """
    How far a drain has got.
    """

    DRAINING = auto()
    """Clients are still to leave."""

    CLOSING = auto()
    """All have been told; what is left is being closed."""

    DRAINED = auto()
    """All is over."""


_DRAIN = Transitions(
    {
        DrainState.DRAINING: (DrainState.CLOSING,),
        DrainState.CLOSING: (DrainState.DRAINED,),
        DrainState.DRAINED: (),
    }
)


class DrainedSession(Protocol):
    """What a drain asks of a session."""

    def end(self, reason: Reason, *, text: str | None = None) -> object:
        """End."""


class DrainedConnection(Protocol):
    """What a drain asks of a connection."""

    @property
    def sessions(self) -> Sequence[DrainedSession]:
        """Those on it."""


class Drain:
    """
    Ends the sessions of a server for the reason "shutting down", evenly over some time, so that
    their clients don't come to another server all at once.

    @ivar state: how far it has got.
    @ivar total: how many sessions there were when it began.
    @ivar seconds: over which they end.
    """

    def __init__(
        self,
        connections: Sequence[DrainedConnection],
        seconds: float,
        text: str | None,
        clock: IReactorTime,
        close: Callable[[], Deferred[None]],
    ) -> None:
        """
        @param close: called when all sessions have ended.
        """
        self.state = DrainState.DRAINING
        self.seconds = seconds
        # The last is the next.
        self._connections = [each for each in reversed(connections) if each.sessions]
        self.total = self.left
        self._steps = len(self._connections)
        self._text = text
        self._clock = clock
        self._close = close
        self._began = clock.seconds()
        self._call: IDelayedCall | None = None
        self._waiting: list[Deferred[None]] = []
        self._step()

    def __repr__(self) -> str:
        return f"<Drain {self.state.name.lower()}: {self.left} of {self.total} sessions left>"

    @property
    def left(self) -> int:
        """How many sessions are still to end."""
        return sum(len(each.sessions) for each in self._connections)

    def done(self) -> Deferred[None]:
        """
        Wait until all is over.

        @return: fires when all sessions have ended and the factory is closed, and never fails.
        """
        if self.state is DrainState.DRAINED:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        return waiting

    def finish(self) -> None:
        """End those that are left at once."""
        if self.state is DrainState.DRAINING:
            self._end(0)
            self._finish()

    def _step(self) -> None:
        self._call = None
        passed = self._clock.seconds() - self._began
        due = 1.0 if passed >= self.seconds else passed / self.seconds
        self._end(self._steps - int(due * self._steps))
        if not self._connections:
            self._finish()
            return
        wait = max(STEP, self.seconds / self._steps)
        # What is left may be less than the clock can tell.
        rest = max(self.seconds - passed, _LEAST)
        self._call = self._clock.callLater(min(wait, rest), self._step)

    def _end(self, left: int) -> None:
        while len(self._connections) > left:
            for session in self._connections.pop().sessions:
                session.end(Reason.SHUTTING_DOWN, text=self._text)

    def _finish(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None
        self.state = _DRAIN.to(DrainState.CLOSING, self.state)
        self._close().addBoth(self._closed)

    def _closed(self, _: object) -> None:
        self.state = _DRAIN.to(DrainState.DRAINED, self.state)
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)
