"""
What the login of a session waits for, and not longer than the session lives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm.errors import Reason, SessionEnded
from pbrealm.interfaces import ISession

_T = TypeVar("_T")


class LoginWaits:
    """
    What the login of one session waits for; more than one Deferred if a policy waits, too.
    """

    # The session isn't kept: without the cycle, it's freed as soon as nobody holds it.
    __slots__ = ("_waiters",)

    def __init__(self) -> None:
        self._waiters: tuple[Deferred[Any], ...] = ()

    async def wait(
        self,
        session: ISession,
        awaited: Deferred[_T],
        late: Callable[[_T], object] | None,
    ) -> _T:
        """
        Wait, as L{ISession.wait<pbrealm.interfaces.ISession.wait>} does.
        """
        if awaited.called and not awaited.paused and session.ended is None:
            # Factories and policies seldom take their time.
            return await awaited
        waiter: Deferred[_T] = Deferred()
        if session.ended is None:
            self._waiters = (*self._waiters, waiter)
        else:
            waiter.errback(SessionEnded(session.ended))

        def settle(result: _T | Failure) -> None:
            if not waiter.called:
                self._waiters = tuple([each for each in self._waiters if each is not waiter])
                waiter.callback(result)
            elif isinstance(result, Failure):
                # That the client has left is no news.
                if not result.check(pb.Error, pb.PBConnectionLost, CancelledError):
                    session.log_failure("too late to tell the client", result)
            elif late is not None:
                late(result)

        awaited.addBoth(settle)
        return await waiter

    def end(self, reason: Reason) -> None:
        """The session has ended: whoever waits gets L{SessionEnded}."""
        waiters, self._waiters = self._waiters, ()
        for waiter in waiters:
            if not waiter.called:
                waiter.errback(SessionEnded(reason))
