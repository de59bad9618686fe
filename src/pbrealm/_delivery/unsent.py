"""
What has yet to be sent to each connection, in the order in which it is to get it.

A broadcast to very many clients is sent in slices, and what tells of unsaved changes waits until
they are saved.  Other notifications and broadcasts to the same connection must not overtake it
meanwhile.  Answers to calls of the clients may.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm._broker_slot import BrokerSlot
from pbrealm._on_behalf_of import ON_BEHALF_OF, PASSED_BACK, handing_out
from pbrealm._unsaved import UNSAVED
from pbrealm._wire.kept import Kept

_T = TypeVar("_T")

_log = Logger()


class Sender(Protocol):
    """What isn't sent to all of its targets yet."""

    @property
    def waits(self) -> bool:
        """Whether it can't be sent yet."""

    def send_to(self, at: int) -> None:
        """Send to the target with this index."""


class _Unsent(deque[tuple[Sender, int]]):
    """
    What has yet to be sent to one connection.

    @ivar sending: whether some of it is being sent just now.
    """

    sending = False


_UNSENT: Final = BrokerSlot[_Unsent]("unsent")

UNSENT_ATTRIBUTE: Final = _UNSENT.name
"""The attribute of brokers that L{send_unsent} has something to send for."""


def add_unsent(broker: pb.Broker, sender: Sender, at: int) -> None:
    """Something has yet to be sent to its target C{at}, which is on this connection."""
    unsent = _UNSENT.get(broker)
    if unsent is None:
        unsent = _Unsent()
        _UNSENT.set(broker, unsent)
    unsent.append((sender, at))


def send_unsent(broker: pb.Broker) -> bool:
    """
    Send to this connection what has yet to be sent, in order, up to what waits.

    @return: whether that was all.
    """
    unsent = _UNSENT.get(broker)
    if unsent is None:
        return True
    sending, unsent.sending = unsent.sending, True
    token = UNSAVED.set(None)
    try:
        # One at a time: what is sent may end a session, whose goodbye then comes after the rest.
        while unsent and not unsent[0][0].waits:
            sender, at = unsent.popleft()
            try:
                sender.send_to(at)
            except BaseException:
                # Whoever sends next to this connection has nothing to do with it.
                _log.failure("what has waited can't be sent")
    finally:
        UNSAVED.reset(token)
        unsent.sending = sending
    if unsent:
        return False
    if _UNSENT.get(broker) is unsent:
        _UNSENT.clear(broker)
    return True


def drop_after_unsent(
    broker: pb.Broker, drop: Callable[[int, int], object], reference: int
) -> bool:
    """
    Drop a reference to an object of this connection's client after all that has yet to be sent,
    which may be calls by it.

    @param drop: is passed the reference's id, and how many times it is dropped.
    @return: whether it waits; if nothing has yet to be sent, nothing is done.
    """
    unsent = _UNSENT.get(broker)
    if unsent is None:
        return False
    last = unsent[-1][0] if unsent else None
    if not isinstance(last, _Dropped):
        last = _Dropped(drop)
        unsent.append((last, 0))
    last.count[reference] += 1
    return True


class _Dropped:
    """
    References that are dropped between two things that are sent.

    @ivar count: how many times each is dropped, by their ids.
    """

    waits: Final = False

    def __init__(self, drop: Callable[[int, int], object]) -> None:
        self._drop = drop
        self.count: Counter[int] = Counter()

    def send_to(self, at: int) -> None:
        """Send to the only target."""
        while self.count:
            self._drop(*self.count.popitem())


def must_wait(broker: pb.Broker | None) -> bool:
    """
    Whether a notification must wait: for what this connection is to get before; or, in the course
    of a client's call, until what that has changed or read is saved.

    @param broker: of the connection, where it's known.
    """
    call = UNSAVED.get()
    if call and call.is_pending():
        return True
    return broker is not None and not send_unsent(broker)


def send_in_order(
    broker: pb.Broker | None, send: Callable[..., Deferred[_T]], /, *args: object
) -> Deferred[_T]:
    """
    Send a notification now, or later if it L{must_wait}.

    @param send: called on behalf of the same sessions.
    @return: what C{send} returns.  Cancelled, nothing is sent any more.
    """
    return send_later(broker, send, *args) if must_wait(broker) else send(*args)


def call_must_wait(broker: pb.Broker) -> bool:
    """
    Whether a C{callRemote} must wait, as a notification L{must_wait}.

    What has waited must not wait again while it is sent, outside of all calls.  A coroutine that
    goes on meanwhile is in the call that has started it.
    """
    unsent = _UNSENT.get(broker)
    if unsent is not None and unsent.sending and UNSAVED.get() is None:
        return False
    return must_wait(broker)


def send_later(
    broker: pb.Broker | None, send: Callable[..., Deferred[_T]], /, *args: object
) -> Deferred[_T]:
    """
    Send a notification that L{must_wait}, in order.

    @param send: called on behalf of the same sessions.
    @return: what C{send} returns.  Cancelled, nothing is sent any more.
    """
    return _Later(broker, send, args).sent


class _Later:
    """
    One notification that is sent later.
    """

    def __init__(
        self, broker: pb.Broker | None, send: Callable[..., Deferred[Any]], args: tuple[Any, ...]
    ) -> None:
        call = UNSAVED.get()
        self.sent: Deferred[Any] = Deferred(self._cancel)
        self.waits = call is not None and call.is_pending()
        self._broker = broker
        self._send: Callable[..., Deferred[Any]] | None = send
        # What send has returned.
        self._sending: Deferred[Any] | None = None
        # They may be changed until it is sent.
        self._args = [Kept(each) for each in args]
        self._size = sum(each.size for each in self._args)
        self._call = call
        if call is not None:
            call.begin_wait(self._size)
        self._whom, self._passed_back = ON_BEHALF_OF.get(), PASSED_BACK.get()
        if broker is not None:
            add_unsent(broker, self, 0)
        if self.waits and call is not None:
            call.saved_for_notification().addBoth(self._saved)

    def _saved(self, result: Failure | None) -> None:
        self.waits = False
        if result is not None and self._send is not None:
            self._send = None
            self.sent.errback(result)
        if self._broker is None:
            self.send_to(0)
        else:
            send_unsent(self._broker)

    def send_to(self, at: int) -> None:
        """Send to the only target, unless that is done, or not wanted any more."""
        send, self._send = self._send, None
        args, self._args = self._args, []
        if self._call is not None:
            self._call.end_wait(self._size)
        if send is not None:
            with handing_out(self._whom, self._passed_back):
                self._sending = maybeDeferred(send, *[each.thing for each in args])
            self._sending.chainDeferred(self.sent)

    def _cancel(self, _: Deferred[Any]) -> None:
        self._send = None
        if self._sending is not None:
            self._sending.cancel()
