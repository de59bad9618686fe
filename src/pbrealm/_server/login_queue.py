"""
The logins with a password that wait because of the login throttle.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from pbrealm._server.login_throttle import Attempt, LoginThrottle
from pbrealm.errors import LoginRefused, Reason

_RANKS: Final = 32
"""Addresses with this many failures, or more, are served alike."""


class _Waiting:
    """
    An attempt that waits.

    @ivar rank: the failures at its address, when it came.
    @ivar key: the key of the throttle that it waits for.
    @ivar begun: fires when it has begun.
    """

    __slots__ = ("attempt", "begun", "key", "rank")

    def __init__(self, attempt: Attempt, rank: int, begun: Deferred[Attempt]) -> None:
        self.attempt = attempt
        self.rank = rank
        self.begun = begun
        self.key: Hashable = None


class _Line:
    """
    The attempts that wait for one key of the throttle.

    Those from addresses with the fewest failures come first, so that a user's own address is
    served before one that guesses.

    @ivar ranks: by rank, each in the order in which they came.
    @ivar timer: runs until the key is free.
    """

    __slots__ = ("ranks", "timer")

    def __init__(self) -> None:
        self.ranks: dict[int, dict[_Waiting, None]] = {}
        self.timer: IDelayedCall | None = None

    def first(self) -> _Waiting:
        return next(iter(self.ranks[min(self.ranks)]))

    def add(self, waiting: _Waiting) -> None:
        self.ranks.setdefault(waiting.rank, {})[waiting] = None

    def remove(self, waiting: _Waiting) -> None:
        rank = self.ranks[waiting.rank]
        del rank[waiting]
        if not rank:
            del self.ranks[waiting.rank]


class LoginQueue:
    """
    Has attempts begin as the throttle allows.
    """

    def __init__(self, throttle: LoginThrottle, clock: IReactorTime, patience: float) -> None:
        """
        @param patience: seconds that an attempt waits before it is refused.
        """
        self._throttle = throttle
        self._clock = clock
        self._patience = patience
        self._lines: dict[Hashable, _Line] = {}
        # The keys whose lines are to move on, while a loop does that.
        self._moving: dict[Hashable, None] | None = None

    def enter(self, attempt: Attempt) -> Deferred[Attempt] | None:
        """
        Begin an attempt as soon as the throttle allows.

        @return: L{None} if it has begun; else fires with the attempt when it has: L{leave} with
            it then.  It fails with L{LoginRefused} if that takes longer than the patience.  It can
            be cancelled.
        """
        now = self._clock.seconds()
        # As a rule nothing waits, and no attempt costs more than this.
        if self._throttle.block(attempt, now) is None and self._lines.keys().isdisjoint(
            attempt.keys
        ):
            self._throttle.begin(attempt, now)
            return None
        begun: Deferred[Attempt] = Deferred()
        failures = self._throttle.failures(attempt.address, now)
        waiting = _Waiting(attempt, min(failures, _RANKS), begun)
        self._begin_or_wait(waiting)
        if not begun.called:
            timer = self._clock.callLater(self._patience, self._give_up, waiting)
            begun.addBoth(self._waited, waiting, timer)
        return begun

    def leave(self, attempt: Attempt) -> None:
        """An attempt is decided, or given up; one that has left before is no error."""
        self._throttle.release(attempt)
        self._move(attempt.keys)

    def _begin_or_wait(self, waiting: _Waiting, served: Hashable = None) -> None:
        """
        @param served: the key in whose line it was its turn.
        """
        attempt, now = waiting.attempt, self._clock.seconds()
        block = self._throttle.block(attempt, now)
        if block is not None:
            line = self._wait(waiting, block.key)
            self._set_timer(line, block.key, block.until)
            return
        # It doesn't overtake others.  The line for its account is the last that it waits in, so
        # that the addresses with the fewest failures really come first there.
        for key in attempt.keys:
            if key == served:
                break
            if key in self._lines:
                self._wait(waiting, key)
                self._move((key,))
                return
        self._throttle.begin(attempt, now)
        waiting.begun.callback(attempt)

    def _wait(self, waiting: _Waiting, key: Hashable) -> _Line:
        waiting.key = key
        line = self._lines.setdefault(key, _Line())
        line.add(waiting)
        return line

    def _waited(self, result: object, waiting: _Waiting, timer: IDelayedCall) -> object:
        """An attempt has begun, or was given up or cancelled."""
        if timer.active():
            timer.cancel()
        self._remove(waiting)
        return result

    def _remove(self, waiting: _Waiting) -> None:
        key, waiting.key = waiting.key, None
        if key is None:
            return
        line = self._lines[key]
        line.remove(waiting)
        if not line.ranks:
            if line.timer is not None:
                line.timer.cancel()
            del self._lines[key]

    def _set_timer(self, line: _Line, key: Hashable, until: float) -> None:
        if line.timer is not None:
            if line.timer.getTime() == until:
                return
            line.timer.cancel()
        line.timer = self._clock.callLater(until - self._clock.seconds(), self._timer_ran, key)

    def _timer_ran(self, key: Hashable) -> None:
        self._lines[key].timer = None
        self._move((key,))

    def _give_up(self, waiting: _Waiting) -> None:
        # What it waits for may be over at this very moment.
        self._move(waiting.attempt.keys)
        if not waiting.begun.called:
            refusal = "too many wrong passwords were tried; try again later"
            waiting.begun.errback(LoginRefused(refusal, Reason.BUSY))

    def _move(self, keys: tuple[Hashable, ...]) -> None:
        """
        Begin the attempts in the lines of some keys, as far as the throttle allows.

        What begins may be decided at once, and let the next one begin.  The loop that runs already
        does that, or it would recurse as deep as the line is long.
        """
        if self._moving is not None:
            self._moving.update(dict.fromkeys(keys))
            return
        moving = self._moving = dict.fromkeys(keys)
        try:
            while moving:
                key, _ = moving.popitem()
                self._move_line(key)
        finally:
            self._moving = None

    def _move_line(self, key: Hashable) -> None:
        while (line := self._lines.get(key)) is not None:
            waiting = line.first()
            block = self._throttle.block(waiting.attempt, self._clock.seconds())
            if block is not None and block.key == key:
                self._set_timer(line, key, block.until)
                return
            self._remove(waiting)
            self._begin_or_wait(waiting, key)
