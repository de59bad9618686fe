"""
Calling a method of many minds, some of which may be slow or gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm._broker_slot import broker_of
from pbrealm._delivery.encoded_call import EncodedCall, encode_call
from pbrealm._delivery.notify import call_mind, take_timeout, timed_out
from pbrealm._delivery.outcomes import NOTIFICATIONS, outcome_of
from pbrealm._delivery.report import DeliveryReport
from pbrealm._delivery.send_call import forget_answer, send_call, takes_encoded
from pbrealm._delivery.unsent import UNSENT_ATTRIBUTE, add_unsent, send_unsent
from pbrealm._on_behalf_of import PASSED_BACK, handing_out
from pbrealm._slices import SLICE_SECONDS
from pbrealm._unsaved import UNSAVED, Account, Unsaved, Wait
from pbrealm._wire.kept import NOT_PLAIN
from pbrealm._wire.received_failure import received_failure
from pbrealm.errors import NotificationDropped
from pbrealm.interfaces import ISession

_C = TypeVar("_C")

Target = tuple[_C, Any, ISession | None]
"""A client as the report names it, its mind, and the session whose end makes it unreachable."""

_TARGET_SIZE: Final = 200
"""Bytes that a target takes which is yet to be sent to."""

_MEMORY_PER_BYTE: Final = 9
"""Bytes that arguments and their encoding take for each byte of the encoding."""

_CLOCK_INTERVAL: Final = 64
"""Clients between two looks at the clock."""


def broadcast(
    targets: Iterable[Target[_C]],
    method: str,
    args: Sequence[object],
    kw: dict[str, object],
    *,
    clock: IReactorTime,
    timeout: float | None,
) -> Deferred[DeliveryReport[_C]]:
    """
    Call a method of many minds, and collect what comes of it.

    Plain data is encoded once, to the bytes that C{callRemote} would send to each.  To very many
    clients it is sent in slices.  In the course of a client's call it waits until what that has
    changed or read is saved.  No other notification or broadcast overtakes it meanwhile.

    @param timeout: seconds that the clients get to answer, once all is sent; L{None} for any
        time.  C{pbtimeout} among the keyword arguments goes before it.
    @return: fires once with the report; it never fails.  Cancelled, it sends the rest at once,
        but nothing if it has waited for unsaved changes, and stops waiting: clients that haven't
        answered count as failed.
    """
    targets = list(targets)
    try:
        sending = Broadcast(targets, method, args, kw, clock, take_timeout(kw, timeout))
    except Exception:
        # Nobody can be called like this.
        report: DeliveryReport[_C] = DeliveryReport()
        report.failed.update_all([client for client, _, _ in targets], Failure())
        if NOTIFICATIONS.counts is not None:
            NOTIFICATIONS.counts["failed"] += len(targets)
        return succeed(report)
    sending.begin()
    return sending.done


class _PendingAnswer:
    """
    The answer that one of many clients is to give.

    It has as much of a L{Deferred} as a broker needs: a Deferred for each client would cost more
    than sending does.
    """

    __slots__ = ("_at", "_broadcast", "_client", "_mind", "request_id")

    def __init__(self, broadcast: Broadcast, at: int, client: Any, mind: Any) -> None:
        # None once the answer has come, or nobody waits for it any more.
        self._broadcast: Broadcast | None = broadcast
        self._at = at
        self._client = client
        self._mind = mind
        self.request_id = 0

    @property
    def called(self) -> bool:
        return self._broadcast is None

    def callback(self, answer: object) -> None:
        if isinstance(answer, Failure):
            # A client of Twisted's own broker can answer with one.
            self.errback(answer)
            return
        broadcast, self._broadcast = self._broadcast, None
        if broadcast is not None:
            broadcast.answered(answer, self._at, self._client)

    def errback(self, why: Any) -> None:
        broadcast, self._broadcast = self._broadcast, None
        if broadcast is not None:
            broadcast.failed(received_failure(why), self._at, self._client)

    def cancel(self) -> None:
        forget_answer(self._mind, self.request_id)
        self.errback(CancelledError())


class Broadcast:
    """
    One message on its way to many minds.

    @ivar done: fires with the report.
    @ivar waits: whether it waits for unsaved changes.
    """

    def __init__(
        self,
        targets: Sequence[Target[Any]],
        method: str,
        args: Sequence[object],
        kw: Mapping[str, object],
        clock: IReactorTime,
        timeout: float | None,
    ) -> None:
        self.done: Deferred[DeliveryReport[Any]] = Deferred(lambda _: self._cancel())
        self.waits = False
        self._targets = targets
        # The index of the next target; those before are sent to, or among the unsent.
        self._next = 0
        # How many are among the unsent, and whether all are that weren't sent to at once.
        self._unsent = 0
        self._sliced = False
        # Whether only what others have yet to send keeps some of it back.
        self._blocked = False
        # Why it isn't sent after all.
        self._undone: Failure | None = None
        # Of the call that this is in.
        self._unsaved: Unsaved | None = None
        self._passed_back = PASSED_BACK.get()
        # None if the arguments aren't plain data.
        self._call: EncodedCall | None = encode_call(method, args, kw)
        self._wait: Wait | None = None
        # What the answers take, which the report keeps.
        self._answer_memory = 0
        self._method = method
        self._args = args
        self._kw = kw
        self._clock = clock
        self._timeout = timeout
        # Whether all is sent, and answers are still to come.
        self._waiting = False
        # The next slice, then the timeout, if there is one.
        self._timer: IDelayedCall | None = None
        self._report: DeliveryReport[Any] = DeliveryReport()
        # By index.
        self._pending: dict[int, _PendingAnswer | Deferred[Any]] = {}
        # Those who weren't asked for an answer go into the report together.
        self._told: list[Any] = []
        # None if nobody asks.
        self._counts = NOTIFICATIONS.counts

    def begin(self) -> None:
        """Send what can be sent now."""
        call = self._unsaved = UNSAVED.get()
        if call and call.is_pending():
            self.waits = True
            self._begin_wait()
            self._add_rest_to_unsent()
            call.saved_for_notification().addBoth(self._saved)
        else:
            self.send_slice()

    def _begin_wait(self) -> None:
        if self._unsaved is not None and self._wait is None:
            arguments = (
                NOT_PLAIN if self._call is None else _MEMORY_PER_BYTE * len(self._call.tail)
            )
            self._wait = self._unsaved.begin_wait(arguments + _TARGET_SIZE * len(self._targets))

    def _end_wait(self) -> None:
        if self._wait is not None and not self._unsent:
            self._wait.end()
            self._wait = None

    def _saved(self, result: Failure | None) -> None:
        if self.waits:
            self.waits = False
            self._undone = result
            self.send_slice()

    def send_slice(self) -> None:
        """Send to as many as there is time for, and to the rest from the reactor's next round."""
        self._timer = None
        until = self._clock.seconds() + SLICE_SECONDS
        while self._next < len(self._targets):
            self._send_until(self._next + _CLOCK_INTERVAL)
            if self._clock.seconds() > until:
                break
        if self._next < len(self._targets):
            self._add_rest_to_unsent()
            self._timer = self._clock.callLater(0, self.send_slice)
        elif self._unsent:
            self._blocked = True
        else:
            self._all_sent()

    def _all_sent(self) -> None:
        if self.done.called:
            # What was sent has had it cancelled.
            return
        self._end_wait()
        if not self._count_told():
            self._finish()
            return
        self._waiting = True
        if self._timeout is not None:
            self._timer = self._clock.callLater(self._timeout, self._give_up)

    def _add_rest_to_unsent(self) -> None:
        if not self._sliced:
            self._sliced = True
            for at in range(self._next, len(self._targets)):
                broker = broker_of(self._targets[at][1])
                if broker is not None:
                    self._add_to_unsent(broker, at)

    def _add_to_unsent(self, broker: pb.Broker, at: int) -> None:
        self._begin_wait()
        self._unsent += 1
        if self._unsaved is not None:
            add_unsent(broker, self, at)
            return
        size = _TARGET_SIZE + (NOT_PLAIN if self._call is None else len(self._call.tail))
        # A change that was dropped would be missing from the copy for good.
        changes_copy = isinstance(self._targets[at][1], pb.RemoteCacheObserver)
        if not add_unsent(broker, self, at, size, None if changes_copy else self._drop):
            self._drop(at)

    def _send_until(self, end: int) -> None:
        targets, send, sliced = self._targets, self._send, self._sliced
        for at in range(self._next, min(end, len(targets))):
            self._next = at + 1
            client, mind, session = targets[at]
            broker = broker_of(mind)
            if broker is not None:
                # Faster than the call, which nearly always has nothing to do.
                all_sent = UNSENT_ATTRIBUTE not in broker.__dict__ or send_unsent(broker)
                if sliced:
                    # This is among the unsent, or was before.
                    continue
                if not all_sent:
                    self._add_to_unsent(broker, at)
                    continue
            send(at, client, mind, session, broker)

    def send_to(self, at: int) -> None:
        """Send to the target with this index, which was among the unsent."""
        client, mind, session = self._targets[at]
        self._send(at, client, mind, session, broker_of(mind))
        self._one_less_unsent()

    def _drop(self, at: int) -> None:
        why = Failure(NotificationDropped("the client is too slow"))
        self.failed(why, at, self._targets[at][0])
        self._one_less_unsent()

    def _one_less_unsent(self) -> None:
        self._unsent -= 1
        if self._unsent:
            return
        self._end_wait()
        if self._blocked:
            self._blocked = False
            self._all_sent()

    def _send(
        self, at: int, client: Any, mind: Any, session: ISession | None, broker: pb.Broker | None
    ) -> None:
        if self._undone is not None:
            self.failed(self._undone, at, client)
            return
        if session is not None and session.ended is not None:
            self.failed(Failure(pb.DeadReferenceError("the session has ended")), at, client)
            return
        call = self._call
        if call is None or not takes_encoded(mind, broker):
            self._send_by_twisted(at, client, mind, session)
            return
        try:
            if call.answer:
                pending = self._pending[at] = _PendingAnswer(self, at, client, mind)
                pending.request_id = send_call(mind, call, pending)
            else:
                send_call(mind, call, None)
                self._told.append(client)
        except Exception:
            self.failed(Failure(), at, client)

    def _send_by_twisted(self, at: int, client: Any, mind: Any, session: ISession | None) -> None:
        pending = _PendingAnswer(self, at, client, mind)
        # What is passed belongs to the session that it is passed to, not to whoever passes it.
        with handing_out(None if session is None else (session,), self._passed_back):
            answer = self._pending[at] = call_mind(mind, self._method, self._args, self._kw)
        answer.addCallbacks(pending.callback, pending.errback)

    def _count_told(self) -> bool:
        """
        @return: whether answers are still to come.
        """
        self._report.answered.update_all(self._told, None)
        if self._counts is not None:
            self._counts["told"] += len(self._told)
        self._told = []
        return bool(self._pending)

    def answered(self, answer: object, at: int, client: Any) -> None:
        """A client has answered."""
        self._report.answered[client] = answer
        if self._counts is not None:
            self._counts["answered"] += 1
        self._settled(at)

    def failed(self, why: Failure, at: int, client: Any) -> None:
        """A client can't be reached, has answered with an error, or hasn't answered in time."""
        report, outcome = self._report, outcome_of(why.value)
        if self._counts is not None:
            self._counts[outcome] += 1
        match outcome:
            case "dropped":
                report.dropped.append(client)
            case "gone":
                report.gone.append(client)
            case "timed_out":
                report.failed[client] = timed_out(why, self._timeout)
            case _:
                report.failed[client] = why
        self._settled(at)

    def _settled(self, at: int) -> None:
        if self._pending.pop(at, None) is not None and self._unsaved is not None:
            broker = broker_of(self._targets[at][1])
            if isinstance(broker, Account):
                self._answer_memory += broker.message_memory
        if not self._waiting or self._pending:
            return
        self._waiting = False
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._finish()

    def _finish(self) -> None:
        if self._unsaved is not None:
            # Whoever has asked for the report may keep it.
            self._unsaved.add_memory(self._answer_memory)
        self.done.callback(self._report)

    def _give_up(self) -> None:
        for answer in list(self._pending.values()):
            answer.cancel()

    def _cancel(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        self._waiting = self._blocked = False
        if self.waits:
            self.waits = False
            self._undone = Failure(CancelledError())
        self._send_until(len(self._targets))
        self._end_wait()
        self._count_told()
        self._give_up()
        self._finish()
