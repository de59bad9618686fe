"""
Calling minds, of which some are slow and some are gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred, fail, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm.errors import NoMind, NotifyTimeout
from pbrealm.wire.report import Report

_C = TypeVar("_C")


def ask(mind: Any, method: str, args: Sequence[object], kw: Mapping[str, object]) -> Deferred[Any]:
    """
    C{mind.callRemote} that doesn't raise for a mind that is dead, or none at all.

    @return: fires with L{None} if no answer was asked for (C{pbanswer=False}).
    """
    if mind is None:
        return fail(NoMind("the client passed no mind"))
    if getattr(getattr(mind, "broker", None), "disconnected", False):
        # An observer of a Cacheable has no error of its own for this.
        return fail(pb.DeadReferenceError("the connection is lost"))
    return maybeDeferred(lambda: mind.callRemote(method, *args, **kw))


def timed_out(_: object, timeout: float) -> Failure:
    """What C{addTimeout} is to make of an answer that didn't come."""
    return Failure(NotifyTimeout(f"no answer within {timeout:g} seconds"))


def deliver(
    targets: Iterable[tuple[_C, Any]],
    method: str,
    args: Sequence[object],
    kw: Mapping[str, object],
    *,
    clock: IReactorTime,
    timeout: float,
) -> Deferred[Report[_C]]:
    """
    Call a method of many minds, and gather what comes of it.

    All the calls are made before this returns.

    @param targets: each client with its mind, or L{None} where it has none.
    @param timeout: seconds that each client gets to answer.
    @return: fires once with the report; it never fails.  Cancelled, it stops waiting, and those
        who haven't answered count as failed.
    """
    return _Delivery([(client, mind) for client, mind in targets], method, args, kw).wait(
        clock, timeout
    )


class _Delivery:
    """One message on its way to many minds; one timer serves all, who are asked at one time."""

    def __init__(
        self,
        targets: Sequence[tuple[Any, Any]],
        method: str,
        args: Sequence[object],
        kw: Mapping[str, object],
    ) -> None:
        self._report: Report[Any] = Report()
        self._done: Deferred[Report[Any]] = Deferred(lambda _: self._give_up())
        self._timer: IDelayedCall | None = None
        self._timeout = 0.0
        self._waiting: dict[int, Deferred[Any]] = {}
        asked = []
        for number, (client, mind) in enumerate(targets):
            self._waiting[number] = answer = ask(mind, method, args, kw)
            asked.append((answer, (number, client)))
        for answer, whose in asked:
            answer.addCallbacks(
                self._answered, self._failed, callbackArgs=whose, errbackArgs=whose
            )

    def wait(self, clock: IReactorTime, timeout: float) -> Deferred[Report[Any]]:
        self._timeout = timeout
        if self._waiting:
            self._timer = clock.callLater(timeout, self._give_up)
        else:
            self._done.callback(self._report)
        return self._done

    def _answered(self, answer: object, number: int, client: Any) -> None:
        self._report.answered[client] = answer
        self._settled(number)

    def _failed(self, why: Failure, number: int, client: Any) -> None:
        if why.check(pb.ProtocolError, pb.PBConnectionLost):
            self._report.gone.append(client)
        elif why.check(CancelledError):
            self._report.failed[client] = timed_out(why, self._timeout)
        else:
            self._report.failed[client] = why
        self._settled(number)

    def _settled(self, number: int) -> None:
        del self._waiting[number]
        if not self._waiting and self._timer is not None:
            if self._timer.active():
                self._timer.cancel()
            self._done.callback(self._report)

    def _give_up(self) -> None:
        for answer in list(self._waiting.values()):
            answer.cancel()
