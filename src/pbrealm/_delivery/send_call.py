"""
Sending an encoded call to one connection.
"""

from __future__ import annotations

import enum
from functools import lru_cache, partial
from typing import Any, Final, Protocol

from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm._delivery.bound_reference import BoundReference
from pbrealm._delivery.encoded_call import EncodedCall
from pbrealm._delivery.queued_broker import QueuedBroker
from pbrealm._delivery.send_queue import WRITE_SIZE
from pbrealm._wire.broker import FastBroker
from pbrealm._wire.calling_broker import SEND_METHODS
from pbrealm._wire.outgoing import call_header
from pbrealm._wire.security import has_default_type_rule
from pbrealm._wire.tokens import DIALECT, PREFIX_LIMIT, VOCABULARY_TOKENS
from pbrealm.errors import NotificationDropped

Reference = pb.RemoteReference | pb.RemoteCacheObserver
"""What a call is sent by: a mind, or an observer of a L{pb.Cacheable}."""


class AnswerReceiver(Protocol):
    """
    What a broker hands an answer to: a L{Deferred<twisted.internet.defer.Deferred>}, or less.
    """

    @property
    def called(self) -> bool:
        """Whether an answer or a failure has come."""

    def callback(self, answer: Any, /) -> object:
        """The answer has come."""

    def errback(self, why: Any, /) -> object:
        """A failure has come, or the connection is lost."""


def takes_encoded(reference: object, broker: Any) -> bool:
    """
    Whether L{send_call} does for a reference what its C{callRemote} would do.

    This is not so for a reference or a broker whose class overrides how calls are sent, nor
    before the connection's banana dialect is settled.

    @param broker: the broker of the reference.
    """
    kind = _KINDS[type(reference), type(broker)]
    if kind is _OTHER:
        return False
    ready: bool = broker.fast_codec if kind is _FAST else _has_standard_dialect(broker)
    return ready and has_default_type_rule(broker.security)


def _has_standard_dialect(broker: Any) -> bool:
    # A FastBroker keeps this as its fast_codec.
    return (
        broker.currentDialect == DIALECT
        and broker.prefixLimit >= PREFIX_LIMIT
        and len(broker.outgoingSymbols) == len(VOCABULARY_TOKENS)
    )


def send_call(reference: Reference, call: EncodedCall, receiver: AnswerReceiver | None) -> int:
    """
    Do as C{reference.callRemote} does, with a call that is encoded already.

    @param receiver: gets the answer or the failure; L{None} if no answer is asked for.
    @return: the request's id, for L{forget_answer}.
    @raise ProtocolError: if the connection is lost, or the peer caches the object no more.
    @raise NotificationDropped: if the client is so slow that the call is dropped at once.
    """
    broker: Any = reference.broker
    if broker.disconnected:
        raise pb.DeadReferenceError("Calling Stale Broker")
    queue = broker.send_queue if isinstance(broker, QueuedBroker) else None
    if (
        queue is not None
        and receiver is not None
        and not queue.may_expect_answer(broker.waitingForAnswers)
    ):
        raise NotificationDropped("too many notifications are without their answer")
    # As newRequestID does, without a call: this runs for very many clients in a row.
    request_id: int = broker.currentRequestID + 1
    # The two types that nearly all are of, faster than C{isinstance}.
    if type(reference) is pb.RemoteReference or type(reference) is BoundReference:
        message = _message_header(request_id, reference.luid) + call.tail
    else:
        message = _header(reference, request_id) + call.tail
    broker.currentRequestID = request_id
    if receiver is not None:
        broker.waitingForAnswers[request_id] = receiver
    if queue is None:
        write = broker.send_bytes if isinstance(broker, FastBroker) else broker.transport.write
        write(message)
        return request_id
    if broker.coalesced is not None:
        broker.flush()
    if receiver is not None and broker.answer_ages is not None:
        broker.answer_ages.called(request_id, broker.waitingForAnswers)
    if isinstance(reference, pb.RemoteCacheObserver):
        # A change that was dropped would be missing from the copy for good.
        queue.write(message)
    elif queue.ready is not None and len(message) <= WRITE_SIZE:
        queue.ready.write(message)
        queue.bytes_written += len(message)
    elif not queue.post(
        message, (reference.luid, call.method), partial(_drop_answer, broker, request_id)
    ):
        _drop_answer(broker, request_id)
        if receiver is None:
            raise NotificationDropped("the client is too slow")
    return request_id


def forget_answer(reference: Reference, request_id: int) -> None:
    """
    Nobody waits for the answer to a request any longer.

    Plain Perspective Broker logs an error for an answer to a request that it doesn't know, so
    there the request is kept.
    """
    broker: Any = reference.broker
    if isinstance(broker, FastBroker) and broker.waitingForAnswers:
        broker.waitingForAnswers.pop(request_id, None)


# Most connections have got to the same request ids when a message goes to all of them, and most
# peers number their objects from 1.
_cached_header = lru_cache(maxsize=1024)(call_header)

# Peers choose the ids of their objects.  Headers with other ids than these aren't kept.
_MAX_CACHED_ID: Final = 2**31


def _message_header(request_id: int, object_id: int | bytes) -> bytes:
    if type(object_id) is int and 0 <= object_id < _MAX_CACHED_ID:
        return _cached_header(request_id, object_id)
    return call_header(request_id, object_id)


def _header(reference: Reference, request_id: int) -> bytes:
    if not isinstance(reference, pb.RemoteCacheObserver):
        return _message_header(request_id, reference.luid)
    object_id = reference.broker.cachedRemotelyAs(reference.cached)
    if object_id is None:
        raise pb.ProtocolError("the peer doesn't cache this object")
    return call_header(request_id, object_id, cached=True)


def _drop_answer(broker: Any, request_id: int) -> None:
    receiver = (broker.waitingForAnswers or {}).pop(request_id, None)
    if receiver is not None:
        receiver.errback(Failure(NotificationDropped("the client is too slow")))


class _Kind(enum.Enum):
    """How a broker and a reference on it are to be treated, by their types."""

    OTHER = enum.auto()
    """The class of one of them overrides how calls are sent."""

    PLAIN = enum.auto()
    """Twisted's own broker."""

    FAST = enum.auto()
    """A L{FastBroker}."""


# Module globals are faster to look up than members of an enumeration.
_OTHER: Final = _Kind.OTHER
_FAST: Final = _Kind.FAST

_KNOWN_CALLS: Final = (
    pb.RemoteReference.callRemote,
    pb.RemoteCacheObserver.callRemote,
    # For what isn't plain data, this does more than Twisted's.
    BoundReference.callRemote,
)
_MAX_KINDS: Final = 64


class _Kinds(dict[tuple[type, type], _Kind]):
    """The kinds by the types of a reference and its broker, computed once for each pair."""

    def __missing__(self, types: tuple[type, type]) -> _Kind:
        reference, broker = types
        kind = _Kind.OTHER
        if getattr(reference, "callRemote", None) in _KNOWN_CALLS and any(
            all(getattr(broker, name, None) is getattr(known, name) for name in SEND_METHODS)
            for known in (pb.Broker, FastBroker)
        ):
            kind = _Kind.FAST if issubclass(broker, FastBroker) else _Kind.PLAIN
        if len(self) < _MAX_KINDS:
            self[types] = kind
        return kind


_KINDS: Final = _Kinds()
