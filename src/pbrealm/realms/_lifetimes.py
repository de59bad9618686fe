"""
The lives of the avatars and states that a realm makes, until they are retired.
"""

from __future__ import annotations

from collections.abc import Callable
from os.path import basename
from typing import Any, Final

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from pbrealm._cancellable import cancellable
from pbrealm._error_log import ErrorLog
from pbrealm._log_text import kind_of, log_text
from pbrealm._session.undeclared import warn_if_undeclared
from pbrealm._unsaved import tracking_unsaved
from pbrealm.errors import LoginRefused, Reason
from pbrealm.interfaces import IRetirable, ISession

LOGIN_WAIT: Final = 10.0
"""Seconds that a login waits for what was there before to retire."""

RETIRE_TIMEOUT: Final = 60.0
"""Seconds that an avatar or state gets to retire."""

_NAMES: Final = 10
"""How many avatar ids are named in the log."""

_log = Logger()


class Lifetimes:
    """
    Calls the factories of one realm, and retires what they have made.

    No factory is called for an avatar id while anything of that avatar id is retiring: what the
    one writes, the other reads.

    @ivar closed: whether the realm makes no more.
    """

    def __init__(self) -> None:
        self.closed = False
        # How many are being made, are alive or are retiring, and how many of these are retiring.
        self._living: dict[str, int] = {}
        self._retiring: dict[str, int] = {}
        self._waiting: dict[str, list[Deferred[None]]] = {}
        self._closing: list[Deferred[None]] = []
        self._errors: ErrorLog | None = None

    def check_not_closed(self) -> None:
        """
        @raise LoginRefused: if the realm is closed.
        """
        if self.closed:
            raise LoginRefused("the server is shutting down", Reason.SHUTTING_DOWN)

    def make(
        self,
        factory: Callable[..., Any],
        avatar_id: str,
        *args: Any,
        release: Callable[[], object] | None = None,
    ) -> Deferred[Any]:
        """
        Have a factory make an avatar or state, which is to be retired once.

        @param factory: may return a Deferred or a coroutine.
        @param args: are passed to it after the avatar id.
        @param release: called if it makes none.
        """
        _add(self._living, avatar_id)
        if self.closed:
            made: Deferred[Any] = maybeDeferred(self.check_not_closed)
        else:
            made = maybeDeferred(factory, avatar_id, *args)
            if made.called and not made.paused and not isinstance(made.result, Failure):
                # As nearly always: there is nothing to wait for, and no failure to note.
                return made
        return made.addErrback(self._not_made, avatar_id, release)

    def _not_made(
        self, why: Failure, avatar_id: str, release: Callable[[], object] | None
    ) -> Failure:
        if release is not None:
            release()
        self._is_over(avatar_id)
        return why

    def is_retiring(self, avatar_id: str) -> bool:
        """Whether anything of an avatar id is retiring."""
        return avatar_id in self._retiring

    async def wait(self, session: ISession, needless: Callable[[], bool] = lambda: False) -> None:
        """
        Wait until nothing of a session's avatar id is retiring.

        @param needless: whether there is nothing to wait for any more.
        @raise LoginRefused: after L{LOGIN_WAIT}; the client should come back.
        @raise SessionEnded: as soon as the session ends.
        """
        clock, avatar_id = session.clock, session.avatar_id
        deadline = clock.seconds() + LOGIN_WAIT
        while self.is_retiring(avatar_id) and not needless():
            retired: Deferred[None] = Deferred()
            waiting = self._waiting.setdefault(avatar_id, [])
            waiting.append(retired)
            retired.addTimeout(max(0, deadline - clock.seconds()), clock, _refuse)
            try:
                await session.wait(retired)
            finally:
                waiting.remove(retired)
                if not waiting and self._waiting.get(avatar_id) is waiting:
                    del self._waiting[avatar_id]
                retired.cancel()

    def retire(self, avatar_id: str, thing: Any, clock: IReactorTime) -> Deferred[None] | None:
        """
        Retire what was made, which no session is on any more.

        Exceptions are logged, and so is one that takes longer than L{RETIRE_TIMEOUT}, which is
        cancelled then.

        @return: fires when that is done, and never fails; L{None} if it isn't an L{IRetirable}.
        """
        if not IRetirable.providedBy(thing):
            warn_if_undeclared(thing.__class__, IRetirable)
            self._is_over(avatar_id)
            return None
        _add(self._retiring, avatar_id)
        # The look-up is within, since an avatar may say more than is true.
        retiring: Deferred[object] = tracking_unsaved(None, maybeDeferred, lambda: thing.retire())
        retired = cancellable(retiring)
        retired.addTimeout(RETIRE_TIMEOUT, clock, _give_up)
        retired.addErrback(self._log_failure, avatar_id, clock)
        return retired.addCallback(lambda _: self._retired(avatar_id))

    def _retired(self, avatar_id: str) -> None:
        _subtract(self._retiring, avatar_id)
        if avatar_id not in self._retiring:
            for waiter in self._waiting.get(avatar_id, [])[:]:
                if not waiter.called:
                    waiter.callback(None)
        self._is_over(avatar_id)

    def _is_over(self, avatar_id: str) -> None:
        _subtract(self._living, avatar_id)
        if not self._living and self.closed:
            if self._errors is not None:
                self._errors.stop()
            while self._closing:
                self._closing.pop().callback(None)

    def close(self) -> Deferred[None]:
        """
        Make no more from now on.

        @return: fires when all that was made is retired; never fails.  If it's cancelled, the log
            says what isn't retired, and it fails.
        """
        self.closed = True
        closed: Deferred[None] = Deferred(self._close_anyway)
        if self._living:
            self._closing.append(closed)
        else:
            closed.callback(None)
        return closed

    def _close_anyway(self, closed: Deferred[None]) -> None:
        self._closing.remove(closed)
        names = [log_text(avatar_id) for avatar_id in self._living]
        more = len(names) - _NAMES
        _log.warn(
            "closing without waiting for the avatars or states of {names} to retire",
            names=", ".join(names[:_NAMES]) + (f" and {more} more" if more > 0 else ""),
        )

    def _log_failure(self, why: Failure, avatar_id: str, clock: IReactorTime) -> None:
        if self._errors is None:
            self._errors = ErrorLog(clock)
        place, what = _described(why)
        self._errors.message(place, f"retire of {log_text(avatar_id)} {what}")


class _NotInTime(Exception):
    """Something hasn't retired within L{RETIRE_TIMEOUT}."""


def _give_up(_: object, seconds: float) -> None:
    raise _NotInTime


def _described(why: Failure) -> tuple[str, str]:
    """Where retire has failed, and that it has."""
    if isinstance(why.value, _NotInTime):
        return "a timeout", f"is not done within {RETIRE_TIMEOUT:g} seconds"
    kind, where = kind_of(why), ""
    if why.frames:
        name, path, line = why.frames[-1][:3]
        where = f" at {basename(path)}:{line} in {name}"
    return f"{kind}{where}", f"failed{where}: {kind}: {log_text(why.value)}"


def _refuse(_: object, seconds: float) -> None:
    raise LoginRefused("the avatar of an earlier session is still retiring", Reason.BUSY)


def _add(numbers: dict[str, int], avatar_id: str) -> None:
    numbers[avatar_id] = numbers.get(avatar_id, 0) + 1


def _subtract(numbers: dict[str, int], avatar_id: str) -> None:
    numbers[avatar_id] -= 1
    if not numbers[avatar_id]:
        del numbers[avatar_id]
