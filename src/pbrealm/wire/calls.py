"""
One call for many brokers, encoded once.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.spread import pb

from pbrealm.errors import Dropped
from pbrealm.wire.broker import SENDING, FastBroker
from pbrealm.wire.messages import EncodedCall, call_header
from pbrealm.wire.rules import has_stock_rule
from pbrealm.wire.tokens import DIALECT, PREFIX_LIMIT, VOCABULARY


def takes_encoded(reference: Any) -> bool:
    """
    Whether L{send_call} does with a mind, or with an observer, what its C{callRemote} would do.

    Not so for a reference or a broker with ways of its own, or one that isn't ready to be called.
    """
    if getattr(type(reference), "callRemote", None) not in _CALLS_AS_USUAL:
        return False
    broker = reference.broker
    kind: Any = type(broker)
    if not _sends_as_usual(kind) or not broker.__dict__.keys().isdisjoint(SENDING):
        return False
    return (
        broker.currentDialect == DIALECT
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
    message = _header(reference, request_id) + call.tail
    answer: Deferred[Any] | None = None
    if call.answer and isinstance(broker, FastBroker):
        answer = broker.answer_to(request_id)
    elif call.answer:
        answer = broker.waitingForAnswers[request_id] = Deferred()
    if outbox is None:
        write = broker.send_bytes if isinstance(broker, FastBroker) else broker.transport.write
        write(message)
        return answer
    broker.hand_over()
    if not outbox.post(message, call.method, partial(_drop, broker, request_id)):
        _drop(broker, request_id)
        if answer is None:
            raise Dropped("the client is too slow")
    return answer


def _header(reference: pb.RemoteReference | pb.RemoteCacheObserver, request_id: int) -> bytes:
    if not isinstance(reference, pb.RemoteCacheObserver):
        return call_header(request_id, reference.luid)
    object_id = reference.broker.cachedRemotelyAs(reference.cached)
    if object_id is None:
        raise pb.ProtocolError("the peer doesn't cache this object")
    return call_header(request_id, object_id, cached=True)


def _drop(broker: Any, request_id: int) -> None:
    answer = (broker.waitingForAnswers or {}).pop(request_id, None)
    if answer is not None:
        answer.errback(Dropped("the client is too slow"))


_CALLS_AS_USUAL: Final = (pb.RemoteReference.callRemote, pb.RemoteCacheObserver.callRemote)


@lru_cache(maxsize=64)
def _sends_as_usual(kind: type) -> bool:
    return any(
        all(getattr(kind, name, None) is getattr(known, name) for name in SENDING)
        for known in (pb.Broker, FastBroker)
    )
