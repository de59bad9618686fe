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

from pbrealm._delivery.encoded_call import give_up, send_call, takes_encoded
from pbrealm._delivery.report import DeliveryReport
from pbrealm._wire.outgoing import EncodedCall, encode_call
from pbrealm.errors import NoMind, NotificationDropped, NotifyTimeout

_C = TypeVar("_C")

SLICE = 0.04
"""Seconds that a delivery to many keeps the reactor from its other work at a time."""

_LOOK_AT_CLOCK = 64

_unfinished: list[_Delivery] = []


def ask(mind: Any, method: str, args: Sequence[object], kw: Mapping[str, object]) -> Deferred[Any]:
    """
    C{mind.callRemote} that doesn't raise for a mind that is dead, or none at all.

    It comes after all that was to be delivered to the mind before.

    @return: fires with L{None} if no answer was asked for (C{pbanswer=False}).
    """
    if mind is None:
        return fail(NoMind("the client passed no mind"))
    for delivery in _unfinished[:]:
        delivery.send_to(mind)
    broker: Any = getattr(mind, "broker", None)
    if getattr(broker, "disconnected", False):
        # An observer of a Cacheable has no error of its own for this.
        return fail(pb.DeadReferenceError("the connection is lost"))
    send_queue: Any = getattr(broker, "send_queue", None)
    asks = send_queue is not None and kw.get("pbanswer", True)
    if asks and not send_queue.may_ask(len(broker.waitingForAnswers)):
        return fail(NotificationDropped("too many notifications are without their answer"))
    call = encode_call(method, args, kw) if send_queue is not None else None
    if call is None or not takes_encoded(mind):
        return maybeDeferred(lambda: mind.callRemote(method, *args, **kw))
    # The send_queue knows it for a notification then, which may be dropped.
    return _ask_encoded(mind, call)


def _ask_encoded(mind: Any, call: EncodedCall) -> Deferred[Any]:
    answer: Deferred[Any] = Deferred(lambda _: give_up(mind, number))
    number = 0
    try:
        number = send_call(mind, call, answer if call.answer else None)
    except Exception:
        return fail()
    if not call.answer:
        answer.callback(None)
    return answer


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
) -> Deferred[DeliveryReport[_C]]:
    """
    Call a method of many minds, and gather what comes of it.

    Plain data is encoded once, with the bytes that C{callRemote} would send to each.  To very
    many, it's sent in slices; what is sent by way of L{ask} or L{deliver} meanwhile doesn't
    overtake it.

    @param targets: each client with its mind, or L{None} where it has none.
    @param timeout: seconds that each client gets to answer.
    @return: fires once with the report; it never fails.  Cancelled, it sends what is still to be
        sent and stops waiting, and those who haven't answered count as failed.
    """
    delivery = _Delivery(list(targets), method, args, kw, clock, timeout)
    delivery.send_slice()
    return delivery.done


class _Awaited:
    """
    An answer that is to come from one of many: as much of a L{Deferred} as a broker needs, since
    a Deferred for each costs more than the sending does.
    """

    __slots__ = ("_at", "_client", "_delivery", "_mind", "number")

    def __init__(self, delivery: _Delivery, at: int, client: Any, mind: Any) -> None:
        self._delivery: _Delivery | None = delivery
        self._at = at
        self._client = client
        self._mind = mind
        self.number = 0

    @property
    def called(self) -> bool:
        """Whether it has come, or is waited for no more."""
        return self._delivery is None

    def callback(self, answer: object) -> None:
        """It has come; if it was given up before, that's too late."""
        delivery, self._delivery = self._delivery, None
        if delivery is not None:
            delivery.answered(answer, self._at, self._client)

    def errback(self, why: Any) -> None:
        """An error has come, or nothing will."""
        delivery, self._delivery = self._delivery, None
        if delivery is not None:
            delivery.failed(
                why if isinstance(why, Failure) else Failure(why), self._at, self._client
            )

    def cancel(self) -> None:
        """Don't wait for it any longer."""
        give_up(self._mind, self.number)
        self.errback(CancelledError())


class _Delivery:
    """
    One message on its way to many minds.
    """

    def __init__(
        self,
        targets: Sequence[tuple[Any, Any]],
        method: str,
        args: Sequence[object],
        kw: Mapping[str, object],
        clock: IReactorTime,
        timeout: float,
    ) -> None:
        self.done: Deferred[DeliveryReport[Any]] = Deferred(lambda _: self._cancel())
        self._targets = targets
        self._next = 0
        # While there is a next slice: where each mind is among the targets, and who had it early.
        self._places: dict[int, int] = {}
        self._early: set[int] = set()
        self._call: EncodedCall | None = encode_call(method, args, kw)
        self._otherwise = (method, args, kw)
        self._clock = clock
        self._timeout = timeout
        self._timer: IDelayedCall | None = None
        self._report: DeliveryReport[Any] = DeliveryReport()
        # By place; and those who were not asked for an answer, who go into the report together.
        self._waiting: dict[int, _Awaited | Deferred[Any]] = {}
        self._told: list[Any] = []

    def send_slice(self) -> None:
        """Send to as many as there is time for, and to the rest after the reactor's next round."""
        self._timer = None
        until = self._clock.seconds() + SLICE
        while self._next < len(self._targets):
            self._send_until(self._next + _LOOK_AT_CLOCK)
            if self._clock.seconds() > until:
                break
        if self._next < len(self._targets):
            if self not in _unfinished:
                _unfinished.append(self)
                self._places = {id(mind): at for at, (_, mind) in enumerate(self._targets)}
            self._timer = self._clock.callLater(0, self.send_slice)
            return
        self._all_sent()
        if self._waiting:
            self._timer = self._clock.callLater(self._timeout, self._give_up)
        else:
            self.done.callback(self._report)

    def send_to(self, mind: Any) -> None:
        """Send it to this mind now, unless it has been."""
        at = self._places.get(id(mind), -1)
        if at >= self._next and at not in self._early:
            self._early.add(at)
            self._send(at, *self._targets[at])

    def _send_until(self, end: int) -> None:
        targets, early, send = self._targets, self._early, self._send
        for at in range(self._next, min(end, len(targets))):
            self._next = at + 1
            if at not in early:
                client, mind = targets[at]
                send(at, client, mind)

    def _send(self, at: int, client: Any, mind: Any) -> None:
        for earlier in _unfinished:
            if earlier is self:
                break
            earlier.send_to(mind)
        if getattr(client, "ended", None) is not None:
            self.failed(Failure(pb.DeadReferenceError("the session has ended")), at, client)
            return
        call = self._call
        if call is None or not takes_encoded(mind):
            self._send_otherwise(at, client, mind)
            return
        try:
            if call.answer:
                awaited = self._waiting[at] = _Awaited(self, at, client, mind)
                awaited.number = send_call(mind, call, awaited)
            else:
                send_call(mind, call, None)
                self._told.append(client)
        except Exception:
            self.failed(Failure(), at, client)

    def _send_otherwise(self, at: int, client: Any, mind: Any) -> None:
        method, args, kw = self._otherwise
        awaited = _Awaited(self, at, client, mind)
        answer = self._waiting[at] = ask(mind, method, args, kw)
        answer.addCallbacks(awaited.callback, awaited.errback)

    def _all_sent(self) -> None:
        self._next = len(self._targets)
        self._timer = None
        if self in _unfinished:
            _unfinished.remove(self)
        self._report.answered.update_all(self._told, None)
        self._told = []

    def answered(self, answer: object, at: int, client: Any) -> None:
        """A client has answered."""
        self._report.answered[client] = answer
        self._settled(at)

    def failed(self, why: Failure, at: int, client: Any) -> None:
        """A client won't answer, or not what was asked."""
        report = self._report
        if why.check(NotificationDropped):
            report.dropped.append(client)
        elif why.check(pb.ProtocolError, pb.PBConnectionLost):
            report.gone.append(client)
        elif why.check(CancelledError):
            report.failed[client] = timed_out(why, self._timeout)
        else:
            report.failed[client] = why
        self._settled(at)

    def _settled(self, at: int) -> None:
        self._waiting.pop(at, None)
        if self._next < len(self._targets) or self._timer is None or self._waiting:
            return
        # The time-out runs, so all is sent; now all is answered too.
        if self._timer.active():
            self._timer.cancel()
        self.done.callback(self._report)

    def _give_up(self) -> None:
        for answer in list(self._waiting.values()):
            answer.cancel()

    def _cancel(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        self._send_until(len(self._targets))
        self._all_sent()
        self._give_up()
        self.done.callback(self._report)
