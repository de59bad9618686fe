"""
One call for many brokers, encoded once.
"""

from __future__ import annotations

import enum
from functools import lru_cache, partial
from typing import Any, Final, Protocol

from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm._delivery.send_queue import WRITE_SIZE
from pbrealm._wire.broker import SENDING, FastBroker
from pbrealm._wire.outgoing import EncodedCall, call_header
from pbrealm._wire.security import has_default_type_rule
from pbrealm._wire.tokens import DIALECT, PREFIX_LIMIT, VOCABULARY
from pbrealm.errors import NotificationDropped


def takes_encoded(reference: Any) -> bool:
    """
    Whether L{send_call} does with a mind, or with an observer, what its C{callRemote} would do.

    Not so for a reference or a broker with ways of its own, or one that isn't ready to be called.
    """
    broker: Any = getattr(reference, "broker", None)
    kind = _KINDS[type(reference), type(broker)]
    if kind is _OTHER:
        return False
    ready: bool = broker.fast_codec if kind is _FAST else _may_send(broker)
    return ready and has_default_type_rule(broker.security)


def _may_send(broker: Any) -> bool:
    # What a FastBroker knows of itself.
    return (
        broker.currentDialect == DIALECT
        and broker.prefixLimit >= PREFIX_LIMIT
        and len(broker.outgoingSymbols) == len(VOCABULARY)
    )


class Asker(Protocol):
    """
    Who gets an answer: a L{Deferred<twisted.internet.defer.Deferred>}, or less.
    """

    @property
    def called(self) -> bool:
        """Whether anything came."""

    def callback(self, answer: Any, /) -> object:
        """The answer has come."""

    def errback(self, why: Any, /) -> object:
        """It has failed."""


def send_call(
    reference: pb.RemoteReference | pb.RemoteCacheObserver, call: EncodedCall, asker: Asker | None
) -> int:
    """
    Do as C{reference.callRemote} does, with a call that is encoded already.

    @param asker: gets the answer, or the failure; L{None} if no answer is asked for.
    @return: the number of the request, for L{give_up}.
    @raise ProtocolError: if the connection is gone, or the peer caches the object no more.
    @raise NotificationDropped: if the client is so slow that this isn't even to wait for it.
    """
    broker: Any = reference.broker
    if broker.disconnected:
        raise pb.DeadReferenceError("Calling Stale Broker")
    send_queue: Any = getattr(broker, "send_queue", None)
    asks = asker is not None and send_queue is not None
    if asks and not send_queue.may_ask(len(broker.waitingForAnswers)):
        raise NotificationDropped("too many notifications are without their answer")
    # As newRequestID does; this is done for very many, one after another.
    request_id: int = broker.currentRequestID + 1
    if type(reference) is pb.RemoteReference:
        message = _message_header(request_id, reference.luid) + call.tail
    else:
        message = _header(reference, request_id) + call.tail
    broker.currentRequestID = request_id
    if asker is not None:
        broker.waitingForAnswers[request_id] = asker
    if send_queue is None:
        write = broker.send_bytes if isinstance(broker, FastBroker) else broker.transport.write
        write(message)
        return request_id
    broker.hand_over()
    if isinstance(reference, pb.RemoteCacheObserver):
        # A change that is dropped would be missing from the copy for good.
        send_queue.write(message)
    elif send_queue.keeping_up is not None and len(message) <= WRITE_SIZE:
        send_queue.keeping_up.write(message)
    elif not send_queue.post(
        message, (reference.luid, call.method), partial(_drop, broker, request_id)
    ):
        _drop(broker, request_id)
        if asker is None:
            raise NotificationDropped("the client is too slow")
    return request_id


def give_up(reference: pb.RemoteReference | pb.RemoteCacheObserver, request_id: int) -> None:
    """
    Keep nothing of a request whose answer isn't waited for any longer.

    Plain Perspective Broker takes an answer that nobody waits for for an error, so with that it
    has to be kept.
    """
    broker: Any = reference.broker
    if isinstance(broker, FastBroker) and broker.waitingForAnswers:
        broker.waitingForAnswers.pop(request_id, None)


# Most connections have got to the same numbers when a message goes to all of them.
_message_header = lru_cache(maxsize=1024)(call_header)


def _header(reference: pb.RemoteReference | pb.RemoteCacheObserver, request_id: int) -> bytes:
    if not isinstance(reference, pb.RemoteCacheObserver):
        return _message_header(request_id, reference.luid)
    object_id = reference.broker.cachedRemotelyAs(reference.cached)
    if object_id is None:
        raise pb.ProtocolError("the peer doesn't cache this object")
    return call_header(request_id, object_id, cached=True)


def _drop(broker: Any, request_id: int) -> None:
    asker = (broker.waitingForAnswers or {}).pop(request_id, None)
    if asker is not None:
        asker.errback(Failure(NotificationDropped("the client is too slow")))


_CALLS_AS_USUAL: Final = (pb.RemoteReference.callRemote, pb.RemoteCacheObserver.callRemote)


class _Kind(enum.Enum):
    OTHER = enum.auto()
    PLAIN = enum.auto()
    FAST = enum.auto()


# A look-up less, for each of very many.
_OTHER: Final = _Kind.OTHER
_FAST: Final = _Kind.FAST


class _Kinds(dict[tuple[type, type], _Kind]):
    """By the types of a reference and of its broker."""

    def __missing__(self, types: tuple[type, type]) -> _Kind:
        reference, broker = types
        kind = _Kind.OTHER
        if getattr(reference, "callRemote", None) in _CALLS_AS_USUAL and any(
            all(getattr(broker, name, None) is getattr(known, name) for name in SENDING)
            for known in (pb.Broker, FastBroker)
        ):
            kind = _Kind.FAST if issubclass(broker, FastBroker) else _Kind.PLAIN
        if len(self) < _MOST_KINDS:
            self[types] = kind
        return kind


_MOST_KINDS: Final = 64
_KINDS: Final = _Kinds()
