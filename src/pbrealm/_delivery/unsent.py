"""
What has yet to be sent to each connection, in the order in which it is to get it.

A broadcast to very many clients is sent in slices, and what tells of unsaved changes waits until
they are saved.  Other notifications and broadcasts to the same connection must not overtake it
meanwhile.  Answers to calls of the clients may.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm._broker_slot import BrokerSlot
from pbrealm._on_behalf_of import ON_BEHALF_OF, on_behalf_of
from pbrealm._unsaved import UNSAVED, Unsaved
from pbrealm._wire.plain_copy import copy_plain

_T = TypeVar("_T")


class Sender(Protocol):
    """What isn't sent to all of its targets yet."""

    @property
    def waits(self) -> bool:
        """Whether it can't be sent yet."""

    def send_to(self, at: int) -> None:
        """Send to the target with this index."""


_UNSENT: Final = BrokerSlot[deque[tuple[Sender, int]]]("unsent")

UNSENT_ATTRIBUTE: Final = _UNSENT.name
"""The attribute of brokers that L{send_unsent} has something to send for."""


def add_unsent(broker: pb.Broker, sender: Sender, at: int) -> None:
    """Something has yet to be sent to its target C{at}, which is on this connection."""
    unsent = _UNSENT.get(broker)
    if unsent is None:
        unsent = deque()
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
    # One at a time: what is sent may end a session, whose goodbye then comes after the rest.
    while unsent and not unsent[0][0].waits:
        sender, at = unsent.popleft()
        sender.send_to(at)
    if unsent:
        return False
    if _UNSENT.get(broker) is unsent:
        _UNSENT.clear(broker)
    return True


def send_in_order(
    broker: pb.Broker | None,
    send: Callable[..., Deferred[_T]],
    /,
    *args: object,
) -> Deferred[_T]:
    """
    Send something once all is sent that this connection is to get before; and, in the course of a
    client's call, once what that has changed or read is saved.

    @param broker: of the connection, where it's known.
    @param send: called at once, or later on behalf of the same sessions.
    @return: what C{send} returns.  Cancelled, nothing is sent any more.
    """
    call = UNSAVED.get()
    if call and call.is_pending():
        return _Later(broker, call, send, args).sent
    if broker is None or send_unsent(broker):
        return send(*args)
    return _Later(broker, None, send, args).sent


class _Later:
    """
    One notification that is sent later.
    """

    def __init__(
        self,
        broker: pb.Broker | None,
        call: Unsaved | None,
        send: Callable[..., Deferred[Any]],
        args: tuple[object, ...],
    ) -> None:
        self.sent: Deferred[Any] = Deferred(self._cancel)
        self.waits = call is not None
        self._broker = broker
        self._send: Callable[..., Deferred[Any]] | None = send
        # They may be changed until it is sent.
        self._args = copy_plain(args)
        self._whom = ON_BEHALF_OF.get()
        if broker is not None:
            add_unsent(broker, self, 0)
        if call is not None:
            Deferred.fromCoroutine(call.saved()).addBoth(self._saved)

    def _saved(self, result: Failure | None) -> None:
        self.waits = False
        if result is not None and self._send is not None:
            self._send = None
            self.sent.errback(result)
        if self._broker is not None:
            send_unsent(self._broker)
        else:
            self.send_to(0)

    def send_to(self, at: int) -> None:
        """Send to the only target."""
        send, self._send = self._send, None
        if send is not None:
            with on_behalf_of(self._whom):
                sent = send(*self._args)
            sent.chainDeferred(self.sent)

    def _cancel(self, _: Deferred[Any]) -> None:
        self._send = None
