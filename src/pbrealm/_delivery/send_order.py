"""
Notifications and calls in their order: each is sent now, or later if it must wait.

They wait for what their connection is to get before, and for what the call that sends them has yet
to save.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm._delivery.unsent import add_unsent, is_sending, send_unsent
from pbrealm._on_behalf_of import ON_BEHALF_OF, PASSED_BACK, handing_out
from pbrealm._unsaved import UNSAVED, WAIT_MEMORY, Account, Wait, count_answer
from pbrealm._wire.kept import Kept
from pbrealm.errors import NotificationDropped

_T = TypeVar("_T")


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
    return not (is_sending(broker) and UNSAVED.get() is None) and must_wait(broker)


def send_later(
    broker: pb.Broker | None,
    send: Callable[..., Deferred[_T]],
    /,
    *args: object,
    droppable: bool = True,
) -> Deferred[_T]:
    """
    Send a notification that L{must_wait}, in order.

    @param send: called on behalf of the same sessions.
    @param droppable: whether it may be dropped without ending the session.
    @return: what C{send} returns; fails with L{NotificationDropped} if there is no room for it.
        Cancelled, nothing is sent any more.
    """
    return _Later(broker, send, args, droppable).sent


class _Later:
    """
    One notification that is sent later.
    """

    def __init__(
        self,
        broker: pb.Broker | None,
        send: Callable[..., Deferred[Any]],
        args: tuple[Any, ...],
        droppable: bool,
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
        size = sum(each.size for each in self._args)
        self._call = call
        self._wait: Wait | None = None
        if call is not None:
            self._wait = call.begin_wait(size)
        self._whom, self._passed_back = ON_BEHALF_OF.get(), PASSED_BACK.get()
        if broker is not None:
            counts = 0 if call is not None else WAIT_MEMORY + size
            drop = self._drop if droppable else None
            if not add_unsent(broker, self, 0, counts, drop):
                self._drop(0)
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
        if self._wait is not None:
            self._wait.end()
        if send is not None:
            with handing_out(self._whom, self._passed_back):
                self._sending = maybeDeferred(send, *[each.thing for each in args])
            if self._call is not None and isinstance(self._broker, Account):
                # It is sent outside of all calls.
                count_answer(self._sending, self._broker, self._call)
            self._sending.chainDeferred(self.sent)

    def _drop(self, _: int) -> None:
        if self._send is not None:
            self._send = None
            self.sent.errback(Failure(NotificationDropped("the client is too slow")))

    def _cancel(self, _: Deferred[Any]) -> None:
        self._send = None
        if self._sending is not None:
            self._sending.cancel()
