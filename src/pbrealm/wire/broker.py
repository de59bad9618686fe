"""
Perspective Broker to the byte, and faster.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.spread import pb

from pbrealm.wire.decode import decode_plain, has_stock_rule, may_decode
from pbrealm.wire.encode import PLAIN_TYPES, encode_plain
from pbrealm.wire.fastbanana import FastBanana
from pbrealm.wire.lazy import EncodedJelly, LazyJelly, ReceivedJelly, as_received, without_lazy
from pbrealm.wire.sexp import decode_scalar, decode_sexp, skip_digits
from pbrealm.wire.tokens import LIST, NotPlain

_AS_THEY_ARE: Final = frozenset({int, float, bytes})
"""The types that are their own jelly."""

_CALLS: Final = frozenset({b"message", b"cachemessage"})
_RESULTS: Final = frozenset({b"answer", b"error"})


class FastBroker(FastBanana, pb.Broker):
    """
    A L{pb.Broker} that turns plain data into bytes, and bytes into plain data, in one pass each.

    All that isn't plain data is left to Twisted's own jelly, a whole argument list or answer at a
    time, so that its hooks run once and in their order.  Arguments and answers are on their way
    as L{LazyJelly}.

    A subclass may override whatever it may override of L{pb.Broker}; one that counts bytes, or
    watches for signs of life, overrides C{dataReceived} and calls this one's.
    """

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
        if kind in PLAIN_TYPES and self.fast_codec and has_stock_rule(self.security):
            if kind in _AS_THEY_ARE:
                return object
            try:
                encoded = encode_plain(object)
            except (NotPlain, RecursionError):
                pass
            else:
                return EncodedJelly(encoded, 0, len(encoded))
        return super().serialize(object, perspective, method, args, kw)

    def unserialize(self, sexp: Any, perspective: Any = None) -> Any:
        """
        Make an object of jelly.

        @raise InsecureJelly: for what the security options don't allow.
        """
        if isinstance(sexp, LazyJelly):
            if sexp.buffer is not None and may_decode(self.security):
                try:
                    return decode_plain(sexp.buffer, sexp.start)
                except NotPlain:
                    pass
            sexp = sexp.jelly()
        elif type(sexp) is list:
            sexp = without_lazy(sexp)
        return super().unserialize(sexp, perspective)

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
        netArgs, netKw = _fit(self.localObjectForID, objectID, netArgs, netKw)
        super().proto_message(requestID, objectID, message, answerRequired, netArgs, netKw)

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
        netArgs, netKw = _fit(self.cachedLocallyAs, objectID, netArgs, netKw)
        super().proto_cachemessage(requestID, objectID, message, answerRequired, netArgs, netKw)

    def _message(self, buffer: bytes, start: int, end: int, split: int) -> None:
        expression = None
        if self.fast_codec:
            expression = self._lazily(buffer, start, end, split)
        if expression is None:
            expression = decode_sexp(buffer, start, self.incomingVocabulary)
        self.callExpressionReceived(expression)

    def _lazily(self, buffer: bytes, start: int, end: int, split: int) -> list[Any] | None:
        """
        A message whose arguments or answer are left as bytes, or L{None} if it's of no such kind.
        """
        count = buffer[start]
        if count not in (3, 7) or buffer[start + 1] != LIST:
            return None
        expression: list[Any] = []
        pos = start + 2
        for _ in range(2 if count == 3 else 5):
            item, pos = decode_scalar(buffer, pos, self.incomingVocabulary)
            if item is None:
                return None
            expression.append(item)
        if buffer[skip_digits(buffer, pos)] != LIST:
            return None
        if count == 3:
            if expression[0] not in _RESULTS:
                return None
            expression.append(ReceivedJelly(buffer, pos, end))
            return expression
        if expression[0] not in _CALLS or split <= pos:
            return None
        if buffer[skip_digits(buffer, split)] != LIST:
            return None
        expression += (ReceivedJelly(buffer, pos, split), ReceivedJelly(buffer, split, end))
        return expression


def _fit(find: Callable[[Any], Any], objectID: Any, args: Any, kw: Any) -> tuple[Any, Any]:
    """
    The arguments as the object called can take them.
    """
    try:
        receiver = find(objectID).remoteMessageReceived
    except Exception:
        # There's no such object; whoever calls it next says so.
        return args, kw
    return as_received(receiver, args, kw)
