"""
The logins with a password that wait because of the login throttle.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial
from random import Random, SystemRandom

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from pbrealm._server.login_line import LoginLine, WaitingAttempt
from pbrealm._server.login_throttle import Attempt, LoginThrottle
from pbrealm.errors import LoginRefused, Reason


class LoginQueue:
    """
    Has attempts begin as the throttle allows.

    Who tries passwords of an account from more and more networks, r of them a second, leaves its
    owner at a new address a chance: with d seconds between attempts that may begin, and a patience
    of 2 d, an attempt of the owner begins with a probability of about 1 / (r d) if that is below
    1.  With the default limits, that is two of three at 0.2 networks a second, and 1 of 8 at one a
    second.  A later attempt has the same chance again, whatever became of earlier ones.

    @ivar random: what attempts are drawn by.
    @ivar patience: seconds that an attempt waits before it is refused.
    @ivar waiting: how many wait.
    @ivar delayed: how many have had to wait, those included.
    """

    def __init__(self, throttle: LoginThrottle, clock: IReactorTime, patience: float) -> None:
        # By default what nobody can predict.
        self.random: Random = SystemRandom()
        self._throttle = throttle
        self._clock = clock
        self.patience = patience
        self.waiting = 0
        self.delayed = 0
        self._lines: dict[Hashable, LoginLine] = {}
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
        waiting = WaitingAttempt(attempt, begun)
        self._begin_or_wait(waiting)
        if not begun.called:
            self.waiting += 1
            self.delayed += 1
            timer = self._clock.callLater(self.patience, self._give_up, waiting)
            begun.addBoth(self._waited, waiting, timer)
        return begun

    def leave(self, attempt: Attempt) -> None:
        """An attempt is decided, or given up; one that has left before is no error."""
        self._throttle.release(attempt)
        self._move(attempt.keys)

    def _begin_or_wait(self, waiting: WaitingAttempt, served: Hashable = None) -> None:
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
        # that all that wait for the account are in one draw.
        for key in attempt.keys:
            if key == served:
                break
            if key in self._lines:
                self._wait(waiting, key)
                self._move((key,))
                return
        self._throttle.begin(attempt, now)
        waiting.begun.callback(attempt)

    def _wait(self, waiting: WaitingAttempt, key: Hashable) -> LoginLine:
        waiting.key = key
        line = self._lines.setdefault(key, LoginLine())
        line.add(waiting)
        return line

    def _waited(self, result: object, waiting: WaitingAttempt, timer: IDelayedCall) -> object:
        """An attempt has begun, or was given up or cancelled."""
        self.waiting -= 1
        if timer.active():
            timer.cancel()
        self._remove(waiting)
        return result

    def _remove(self, waiting: WaitingAttempt) -> None:
        key, waiting.key = waiting.key, None
        if key is None:
            return
        line = self._lines[key]
        line.remove(waiting)
        if not line:
            if line.timer is not None:
                line.timer.cancel()
            del self._lines[key]

    def _set_timer(self, line: LoginLine, key: Hashable, until: float) -> None:
        if line.timer is not None:
            if line.timer.getTime() == until:
                return
            line.timer.cancel()
        # The time may be over by now.
        left = max(0, until - self._clock.seconds())
        line.timer = self._clock.callLater(left, self._timer_ran, key)

    def _timer_ran(self, key: Hashable) -> None:
        self._lines[key].timer = None
        self._move((key,))

    def _give_up(self, waiting: WaitingAttempt) -> None:
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
            now = self._clock.seconds()
            until = self._throttle.free_at(key, now)
            if until > now:
                self._set_timer(line, key, until)
                return
            waiting = line.draw(self.random, partial(self._throttle.failures, now=now))
            self._remove(waiting)
            self._begin_or_wait(waiting, key)
