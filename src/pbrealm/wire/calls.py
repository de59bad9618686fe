"""
One call for many brokers, encoded once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.spread import pb

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

_MESSAGE: Final = list_token(7) + VOCABULARY[b"message"]


@dataclass(frozen=True)
class EncodedCall:
    """
    What C{callRemote} would write, but for what differs from one connection to the next.
    """

    tail: bytes
    """The method's name, whether an answer is asked for, and the arguments."""

    answer: bool
    """Whether an answer is asked for."""

    def message(self, request_id: int, object_id: int | bytes) -> bytes:
        """
        The whole message.

        @param object_id: the C{luid} of the reference that's called.
        """
        return self.header(request_id, object_id) + self.tail

    def header(self, request_id: int, object_id: int | bytes) -> bytes:
        """
        What comes before L{tail}, for those who hand a transport both without joining them.
        """
        target = bytes_token(object_id) if isinstance(object_id, bytes) else int_token(object_id)
        return _MESSAGE + int_token(request_id) + target


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
    return EncodedCall(tail, bool(answer))


def takes_encoded(reference: Any) -> bool:
    """
    Whether L{send_call} does with a mind what its C{callRemote} would do.

    Not so for a reference or a broker with ways of its own, or one that isn't ready to be called.
    """
    if getattr(type(reference), "callRemote", None) is not pb.RemoteReference.callRemote:
        return False
    broker = reference.broker
    kind: Any = type(broker)
    if not _sends_as_usual(kind):
        return False
    return (
        broker.currentDialect == DIALECT
        and broker.prefixLimit >= PREFIX_LIMIT
        and len(broker.outgoingSymbols) == len(VOCABULARY)
        and has_stock_rule(broker.security)
    )


def send_call(reference: pb.RemoteReference, call: EncodedCall) -> Deferred[Any] | None:
    """
    Do as C{reference.callRemote} does, with a call that is encoded already.

    @return: fires with the answer, or fails; L{None} if none was asked for.
    @raise DeadReferenceError: if the connection is gone, as C{callRemote} does.
    """
    broker: Any = reference.broker
    if broker.disconnected:
        raise pb.DeadReferenceError("Calling Stale Broker")
    request_id = broker.newRequestID()
    answer: Deferred[Any] | None = None
    if call.answer:
        answer = broker.waitingForAnswers[request_id] = Deferred()
    broker.transport.write(call.message(request_id, reference.luid))
    return answer


_SENDING: Final = ("_sendMessage", "newRequestID", "sendCall", "sendEncoded", "serialize")


@lru_cache(maxsize=64)
def _sends_as_usual(kind: type) -> bool:
    return any(
        all(getattr(kind, name, None) is getattr(known, name) for name in _SENDING)
        for known in (pb.Broker, FastBroker)
    )
