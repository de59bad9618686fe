"""
A faster broker: the objects that it passes.
"""

from __future__ import annotations

from contextvars import Context, copy_context
from types import CoroutineType
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.spread import pb
from twisted.spread.banana import SIZE_LIMIT
from twisted.spread.jelly import InsecureJelly, SecurityOptions, globalSecurity
from twisted.spread.pb import Broker

from pbrealm._wire.amplification import check_amplification
from pbrealm._wire.calling_broker import SEND_METHODS
from pbrealm._wire.encode import PLAIN_TYPES, encode_plain
from pbrealm._wire.error_answers import encode_failure, innermost
from pbrealm._wire.lazy_jelly import (
    SELF_JELLYING_TYPES,
    EncodedJelly,
    LazyJelly,
    materialize,
)
from pbrealm._wire.reader import MessageReader
from pbrealm._wire.security import has_default_type_rule, may_decode_plain
from pbrealm._wire.serving_broker import ServingBroker
from pbrealm._wire.sexp import Sexp
from pbrealm._wire.tokens import NotPlain
from pbrealm._wire.unjellier import unjelly_from_peer
from pbrealm._wire.unsendable import AnswerJelly, source_of

_MAX_CACHED_ID: Final = 2**31


class FastBroker(ServingBroker):
    """
    A faster L{pb.Broker}, which writes the same bytes and calls the same methods.

    Plain data is encoded and decoded in one pass.  Jelly handles everything else, a whole argument
    list or answer at a time, so that its hooks run once and in the same order.  In between,
    arguments and answers are L{LazyJelly}.

    A subclass may override whatever a subclass of L{pb.Broker} may.
    """

    def __init__(self, isClient: int = 1, security: SecurityOptions = globalSecurity) -> None:
        # By name: FastBanana.__init__ comes first, and takes no security options.
        Broker.__init__(self, isClient, security)
        self._begin(MessageReader(lazy=True))

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._has_default_send_methods = all(
            getattr(cls, name) is getattr(FastBroker, name) for name in SEND_METHODS
        )

    def serialize(
        self,
        object: Any,
        perspective: Any = None,
        method: Any = None,
        args: Any = None,
        kw: Any = None,
    ) -> Any:
        """
        Jelly an object.

        For a L{Deferred<twisted.internet.defer.Deferred>} or a coroutine, this waits for the
        result and returns a Deferred.
        """
        kind = type(object)
        if kind in PLAIN_TYPES and self.fast_codec and has_default_type_rule(self.security):
            if kind in SELF_JELLYING_TYPES:
                if kind is bytes and method is not None and len(object) > SIZE_LIMIT:
                    raise self._unsendable(source_of(perspective, method), "it is too long")
                return object
            try:
                encoded = encode_plain(object)
            except NotPlain:
                pass
            else:
                return EncodedJelly(encoded)
        if kind is pb.CopyableFailure and self.fast_codec and has_default_type_rule(self.security):
            try:
                return EncodedJelly(encode_failure(object))
            except NotPlain:
                pass
        if kind is CoroutineType:
            # What a method returns that is a coroutine function.
            object = Deferred.fromCoroutine(object)
        if isinstance(object, Deferred):
            # Twisted's keeps the arguments until then, and does nothing with them.
            return self.serialize_result(object, perspective, method)
        if self.disconnected:
            # connectionLost has deleted the tables that jelly registers references in.
            raise pb.Error("the connection is lost")
        if method is None or isinstance(method, (bytes, str)):
            # Not the answer of an avatar's method: with a name, these are arguments.
            return super().serialize(object, perspective, method, args, kw)
        source = source_of(perspective, method)
        try:
            jelly = super().serialize(object, perspective, method, args, kw)
        except (InsecureJelly, NotImplementedError) as why:
            raise self._unsendable(source, str(why)) from None
        return AnswerJelly(jelly, source) if type(jelly) is list else jelly

    def serialize_result(self, result: Deferred[Any], *how: Any) -> Deferred[Any]:
        """
        Jelly the result of a Deferred once it is there, in the context of this call.

        @param how: the further arguments of L{serialize}.
        """
        return result.addCallback(self._serialize_in, copy_context(), *how)

    def _serialize_in(self, result: Any, context: Context, *how: Any) -> Any:
        return context.run(self.serialize, result, *how)

    def unserialize(self, sexp: Sexp, perspective: Any = None) -> Any:
        """
        Unjelly an object.

        @raise InsecureJelly: if the security options don't allow it.
        @raise MessageTooLarge: if it has more items or bytes than a message may have, counting
            those of a back reference each time that it occurs; or if too many keys of a
            container have the same hash.
        """
        if type(sexp) in SELF_JELLYING_TYPES:
            return sexp
        if isinstance(sexp, LazyJelly):
            if may_decode_plain(self.security):
                try:
                    return sexp.unjelly(self._reader.limits)
                except NotPlain:
                    pass
            sexp = sexp.decoded()
        elif type(sexp) is list:
            sexp = materialize(sexp)
        # As Twisted's unserialize does it.
        self.unserializingPerspective = perspective
        try:
            check_amplification(sexp, self._reader.limits)
            return unjelly_from_peer(sexp, self.security, self)
        except BaseException as why:
            # Three levels for each list that the peer has nested: they tell nothing, and would be
            # walked by whatever handles the error.
            raise why.with_traceback(innermost(why.__traceback__))  # noqa: B904
        finally:
            self.unserializingPerspective = None

    def received(self, reference: Any) -> Any:
        """
        The peer has passed a reference: to an object of its own, or to one of this end.

        @return: what takes its place; a subclass may replace a L{pb.RemoteReference}.
        """
        return reference

    def cacheLocally(self, cid: Sexp, instance: Any) -> None:
        """
        Keep an object that the peer has this end cache, under the id that the peer chooses.

        @raise InsecureJelly: for an id that a broker wouldn't choose, and for more objects than
            it would have cached.
        """
        if type(cid) is not int or not 0 <= cid < _MAX_CACHED_ID:
            raise InsecureJelly("not the id of a cached object")
        if len(self.locallyCachedObjects) > pb.MAX_BROKER_REFS:
            raise InsecureJelly("more cached objects than a broker has its peer keep")
        super().cacheLocally(cid, instance)
