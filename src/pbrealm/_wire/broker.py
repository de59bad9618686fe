"""
Perspective Broker to the byte, and faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import CoroutineType
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.python import log
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.spread.jelly import globalSecurity
from twisted.spread.pb import Broker

from pbrealm._wire.amplification import check_amplification
from pbrealm._wire.banana import FastBanana
from pbrealm._wire.encode import PLAIN_TYPES, encode_plain
from pbrealm._wire.lazy_jelly import (
    AS_THEY_ARE,
    EncodedJelly,
    LazyJelly,
    as_received,
    without_lazy,
)
from pbrealm._wire.outgoing import call_header, encode_answer, write_call
from pbrealm._wire.reader import MessageReader
from pbrealm._wire.security import has_default_type_rule, may_decode_plain
from pbrealm._wire.tokens import NotPlain

SENDING: Final = frozenset(
    {"_sendMessage", "newRequestID", "sendCall", "sendEncoded", "serialize"}
)
"""
The methods that a call passes through on its way out; a subclass may override one.
"""


class FastBroker(FastBanana, Broker):
    """
    A L{pb.Broker} that turns plain data into bytes, and bytes into plain data, in one pass each.

    All that isn't plain data is left to Twisted's own jelly, a whole argument list or answer at a
    time, so that its hooks run once and in their order.  Arguments and answers are on their way
    as L{LazyJelly}.

    A subclass may override whatever it may override of L{pb.Broker}; one that counts bytes, or
    watches for signs of life, overrides C{dataReceived} and calls this one's.
    """

    waitingForAnswers: Any

    # Whether nobody would notice if a message were written without asking SENDING.
    _is_stock = True

    def __init__(self, isClient: Any = 1, security: Any = globalSecurity) -> None:
        # By name, as FastBanana.__init__ takes no security options.
        Broker.__init__(self, isClient, security)
        self._reader = MessageReader(lazy=True)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._is_stock = all(getattr(cls, name) is getattr(FastBroker, name) for name in SENDING)

    def serialize(
        self,
        object: Any,
        perspective: Any = None,
        method: Any = None,
        args: Any = None,
        kw: Any = None,
    ) -> Any:
        """
        Jelly an object, or what a L{Deferred<twisted.internet.defer.Deferred>} comes to.
        """
        kind = type(object)
        if kind in PLAIN_TYPES and self.fast_codec and has_default_type_rule(self.security):
            if kind in AS_THEY_ARE:
                return object
            try:
                encoded = encode_plain(object)
            except NotPlain:
                pass
            else:
                return EncodedJelly(encoded, 0, len(encoded))
        if kind is CoroutineType:
            # The answer of a method that is a coroutine function.
            object = Deferred.fromCoroutine(object)
        if self.disconnected and not isinstance(object, Deferred):
            # What it refers to would be registered with tables that are gone.
            raise pb.Error("the peer has left")
        return super().serialize(object, perspective, method, args, kw)

    def _sendMessage(
        self,
        prefix: bytes,
        perspective: Any,
        objectID: Any,
        message: Any,
        args: Any,
        kw: Any,
    ) -> Any:
        if (
            prefix
            or self.disconnected
            or not self.fast_codec
            or not self._is_stock
            or not has_default_type_rule(self.security)
        ):
            return self._send_by_jelly(prefix, perspective, objectID, message, args, kw)
        parts: list[bytes] = [b""]
        try:
            if type(message) is not bytes or type(objectID) not in (int, bytes):
                raise NotPlain("an odd call")
            answer = write_call(message, args, kw, parts)
            parts[0] = call_header(self.currentRequestID + 1, objectID)
        except NotPlain:
            return self._send_by_jelly(prefix, perspective, objectID, message, args, kw)
        return self._post(parts, answer)

    def _send_by_jelly(
        self, prefix: bytes, perspective: Any, object_id: Any, message: Any, args: Any, kw: Any
    ) -> Any:
        deprecated = "pbcallback" in kw or "pberrback" in kw
        answer = super()._sendMessage(prefix, perspective, object_id, message, args, kw)
        request_id = self.currentRequestID
        if deprecated or answer is None or self.waitingForAnswers.get(request_id) is not answer:
            return answer
        return self.answer_to(request_id)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.disconnected = 1
        # Twisted's iterates over the dictionary, which cancelling one answer in the errback of
        # another would change.
        waiting, self.waitingForAnswers = self.waitingForAnswers, {}
        while waiting:
            _, answer = waiting.popitem()
            try:
                answer.errback(Failure(pb.PBConnectionLost(reason)))
            except BaseException:
                log.deferr()
        super().connectionLost(reason)

    def answer_to(self, request_id: int) -> Deferred[Any]:
        """
        What fires with the answer to a request.

        Who cancels it has given up: nothing is kept of the request then, and if an answer comes
        after all, nothing comes of it.
        """
        waiting = self.waitingForAnswers
        answer: Deferred[Any] = Deferred(lambda _: waiting.pop(request_id, None))
        waiting[request_id] = answer
        return answer

    def proto_answer(self, requestID: Any, netResult: Any) -> None:
        """Protocol message: an answer."""
        if self._waits_for(requestID):
            # An answer that can't be read closes the connection.  That is what there is to be
            # told, so whoever waits for it waits on; Twisted's forgets about them first.
            result = self.unserialize(netResult)
            answer = self.waitingForAnswers.pop(requestID, None)
            if answer is not None:
                answer.callback(result)

    def proto_error(self, requestID: Any, fail: Any) -> None:
        """Protocol message: an answer that is an error."""
        if self._waits_for(requestID):
            why = self.unserialize(fail)
            answer = self.waitingForAnswers.pop(requestID, None)
            if answer is not None:
                answer.errback(why)

    def _waits_for(self, requestID: Any) -> bool:
        """
        @return: whether an answer is wanted; not so if whoever asked has given up.
        @raise KeyError: if nobody has asked.
        """
        if requestID in self.waitingForAnswers:
            return True
        if not isinstance(requestID, int) or not 0 < requestID <= self.currentRequestID:
            raise KeyError(requestID)
        return False

    def _post(self, parts: Iterable[bytes], answer: object) -> Deferred[Any] | None:
        request_id = self.newRequestID()
        waiting = self.answer_to(request_id) if answer else None
        self.send_bytes(b"".join(parts))
        return waiting

    def _sendAnswer(self, netResult: Any, requestID: Any) -> None:
        # Whatever the rule, it's jelly by now.
        if type(requestID) is int and self.fast_codec and self._is_stock:
            try:
                answer = encode_answer(requestID, netResult)
            except NotPlain:
                pass
            else:
                self.send_bytes(answer)
                return
        super()._sendAnswer(netResult, requestID)

    def unserialize(self, sexp: Any, perspective: Any = None) -> Any:
        """
        Make an object of jelly.

        @raise InsecureJelly: for what the security options don't allow.
        @raise MessageTooLarge: for what comes to more items than a message may have, once all
            that it refers back to is counted each time.
        """
        if type(sexp) in AS_THEY_ARE:
            return sexp
        if isinstance(sexp, LazyJelly):
            if may_decode_plain(self.security):
                try:
                    return sexp.unjelly()
                except NotPlain:
                    pass
            sexp = sexp.jelly()
        elif type(sexp) is list:
            sexp = without_lazy(sexp)
        check_amplification(sexp, self.limits.items)
        return super().unserialize(sexp, perspective)

    def expressionReceived(self, sexp: Any) -> None:
        """
        Evaluate a message.
        """
        command = sexp[0] if type(sexp) is list else None
        # Nearly all are one of these two.
        if command == b"message":
            self.proto_message(*sexp[1:])
        elif command == b"answer":
            self.proto_answer(*sexp[1:])
        else:
            super().expressionReceived(sexp)

    def proto_message(
        self,
        requestID: Any,
        objectID: Any,
        message: Any,
        answerRequired: Any,
        netArgs: Any,
        netKw: Any,
    ) -> None:
        """Protocol message: a call of one of this end's objects."""
        find, netArgs, netKw = _fit(self.localObjectForID, objectID, netArgs, netKw)
        self._recvMessage(find, requestID, objectID, message, answerRequired, netArgs, netKw)

    def proto_cachemessage(
        self,
        requestID: Any,
        objectID: Any,
        message: Any,
        answerRequired: Any,
        netArgs: Any,
        netKw: Any,
    ) -> None:
        """Protocol message: a call of an object that this end caches."""
        find, netArgs, netKw = _fit(self.cachedLocallyAs, objectID, netArgs, netKw)
        self._recvMessage(find, requestID, objectID, message, answerRequired, netArgs, netKw)


_Find = Callable[[Any], Any]


def _fit(find: _Find, objectID: Any, args: Any, kw: Any) -> tuple[_Find, Any, Any]:
    """
    The arguments as the object called can take them; and what finds it again.
    """
    try:
        found = find(objectID)
        receiver = found.remoteMessageReceived
    except Exception:
        # There's no such object; whoever calls it next says so.
        return find, args, kw
    return lambda _: found, *as_received(receiver, args, kw)
