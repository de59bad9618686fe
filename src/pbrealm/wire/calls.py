"""
One call for many brokers, encoded once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred
from twisted.spread import pb

from pbrealm.errors import Dropped
from pbrealm.wire.broker import FastBroker
from pbrealm.wire.decode import has_stock_rule
from pbrealm.wire.encode import encode_plain
from pbrealm.wire.tokens import (
    DIALECT,
    PREFIX_LIMIT,
    VOCABULARY,
    NotPlain,
    bytes_token,
    int_token,
    list_token,
)

_B = TypeVar("_B", bound=FastBroker)

_MESSAGE: Final = list_token(7) + VOCABULARY[b"message"]
_CACHE_MESSAGE: Final = list_token(7) + VOCABULARY[b"cachemessage"]


@dataclass(frozen=True)
class EncodedCall:
    """
    What C{callRemote} would write, but for what differs from one connection to the next.
    """

    method: bytes
    """The method's name."""

    answer: bool
    """Whether an answer is asked for."""

    tail: bytes
    """The bytes of the method's name, of whether an answer is asked for, and of the arguments."""

    def message(self, request_id: int, object_id: int | bytes) -> bytes:
        """
        The whole message, to a referenceable object.

        @param object_id: the C{luid} of the reference that's called.
        """
        target = bytes_token(object_id) if isinstance(object_id, bytes) else int_token(object_id)
        return _MESSAGE + int_token(request_id) + target + self.tail

    def cache_message(self, request_id: int, object_id: int) -> bytes:
        """
        The whole message, to an object that the peer caches.

        @param object_id: what the broker knows it by as the peer's.
        """
        return _CACHE_MESSAGE + int_token(request_id) + int_token(object_id) + self.tail


def encode_call(
    method: str | bytes, args: Sequence[object], kw: Mapping[str, object]
) -> EncodedCall | None:
    """
    Encode a call as C{callRemote(method, *args, **kw)} does, C{pbanswer} in C{kw} included.

    The arguments are taken as they are now; what becomes of them afterwards isn't sent.

    @return: L{None} if C{callRemote} is to do it, for each connection: the arguments have
        something in them that isn't plain data, or that can't be sent.
    """
    kw = dict(kw)
    answer = kw.pop("pbanswer", 1)
    if not isinstance(answer, int) or "pbcallback" in kw or "pberrback" in kw:
        return None
    name = method.encode() if isinstance(method, str) else method
    try:
        tail = bytes_token(name) + int_token(answer) + encode_plain(tuple(args)) + encode_plain(kw)
    except (NotPlain, RecursionError):
        return None
    return EncodedCall(name, bool(answer), tail)


def takes_encoded(reference: Any) -> bool:
    """
    Whether L{send_call} does with a mind, or with an observer, what its C{callRemote} would do.

    Not so for a reference or a broker with ways of its own, or one that isn't ready to be called.
    """
    if getattr(type(reference), "callRemote", None) not in _CALLS_AS_USUAL:
        return False
    broker = reference.broker
    kind: Any = type(broker)
    return (
        _sends_as_usual(kind)
        and broker.currentDialect == DIALECT
        and broker.prefixLimit >= PREFIX_LIMIT
        and len(broker.outgoingSymbols) == len(VOCABULARY)
        and has_stock_rule(broker.security)
    )


def send_call(
    reference: pb.RemoteReference | pb.RemoteCacheObserver, call: EncodedCall
) -> Deferred[Any] | None:
    """
    Do as C{reference.callRemote} does, with a call that is encoded already.

    @return: fires with the answer, or fails; L{None} if none was asked for.
    @raise ProtocolError: if the connection is gone, or the peer caches the object no more.
    @raise Dropped: if the client is so slow that this isn't even to wait for it.
    """
    broker: Any = reference.broker
    if broker.disconnected:
        raise pb.DeadReferenceError("Calling Stale Broker")
    outbox = getattr(broker, "outbox", None)
    if outbox is not None and call.answer and not outbox.may_ask(len(broker.waitingForAnswers)):
        raise Dropped("too many notifications are without their answer")
    request_id = broker.newRequestID()
    if isinstance(reference, pb.RemoteCacheObserver):
        object_id = broker.cachedRemotelyAs(reference.cached)
        if object_id is None:
            raise pb.ProtocolError("the peer doesn't cache this object")
        message = call.cache_message(request_id, object_id)
    else:
        message = call.message(request_id, reference.luid)
    answer: Deferred[Any] | None = None
    if call.answer:
        answer = broker.waitingForAnswers[request_id] = Deferred()
    if outbox is None:
        broker.transport.write(message)
    elif not outbox.post(message, call.method, partial(_drop, broker, request_id)):
        _drop(broker, request_id)
        if not call.answer:
            raise Dropped("the client is too slow")
    return answer


def _drop(broker: Any, request_id: int) -> None:
    answer = (broker.waitingForAnswers or {}).pop(request_id, None)
    if answer is not None:
        answer.errback(Dropped("the client is too slow"))


_CALLS_AS_USUAL: Final = (pb.RemoteReference.callRemote, pb.RemoteCacheObserver.callRemote)
_SENDING: Final = ("_sendMessage", "newRequestID", "sendCall", "sendEncoded", "serialize")


_known: Final[list[type]] = [pb.Broker, FastBroker]


def sends_as_usual(kind: type[_B]) -> type[_B]:
    """
    Decorate a class of brokers that sends plain data as L{FastBroker} does, whatever it overrides.
    """
    _known.append(kind)
    return kind


@lru_cache(maxsize=64)
def _sends_as_usual(kind: type) -> bool:
    return any(
        all(getattr(kind, name, None) is getattr(known, name) for name in _SENDING)
        for known in _known
    )
