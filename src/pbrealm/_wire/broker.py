"""
A faster broker: the calls that it serves, and the objects that it passes.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CoroutineType
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python import log
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.spread.banana import SIZE_LIMIT, BananaError
from twisted.spread.jelly import InsecureJelly, SecurityOptions, globalSecurity
from twisted.spread.pb import Broker

from pbrealm._log_text import bounded_failure, log_text
from pbrealm._wire.amplification import check_amplification
from pbrealm._wire.calling_broker import SEND_METHODS, CallingBroker
from pbrealm._wire.dispatch import receive_message
from pbrealm._wire.encode import PLAIN_TYPES, encode_plain
from pbrealm._wire.error_answers import encode_failure, innermost
from pbrealm._wire.incoming import are_arguments
from pbrealm._wire.lazy_jelly import (
    SELF_JELLYING_TYPES,
    EncodedJelly,
    LazyJelly,
    materialize,
)
from pbrealm._wire.outgoing import encode_answer
from pbrealm._wire.reader import MessageReader
from pbrealm._wire.security import has_default_type_rule, may_decode_plain
from pbrealm._wire.sexp import Sexp
from pbrealm._wire.tokens import NotPlain
from pbrealm._wire.unjellier import unjelly_from_peer
from pbrealm._wire.unsendable import AnswerJelly, source_of, why_unsendable

_MAX_CACHED_ID: Final = 2**31

_log = Logger()


class FastBroker(CallingBroker):
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
        self._reader = MessageReader(lazy=True)

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
            return self.serialize_result(object, perspective, method, args, kw)
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
        Jelly the result of a Deferred once it is there; for subclasses to override.

        @param how: the further arguments of L{serialize}.
        """
        return result.addCallback(self.serialize, *how)

    def _sendAnswer(self, netResult: Sexp, requestID: Sexp) -> None:
        # The result has been jellied, so the security options have been asked.
        if type(requestID) is int and self.fast_codec and self._has_default_send_methods:
            try:
                answer = encode_answer(requestID, netResult)
            except NotPlain:
                pass
            else:
                self.send_bytes(answer)
                return
        error = self.send_jelly(netResult, requestID)
        if error is not None:
            self._sendError(pb.CopyableFailure(error), requestID)

    def send_jelly(self, jelly: Sexp, request_id: Sexp) -> pb.Error | None:
        """
        Answer with jelly, if it can be sent.

        @return: what to answer instead, if it can't.
        """
        source = "a method"
        if type(jelly) is AnswerJelly:
            source, jelly = jelly.source, list(jelly)
        why = why_unsendable(jelly, self.security)
        if why is None:
            try:
                super()._sendAnswer(jelly, request_id)
            except BananaError as error:
                # Too long, or too large a number, which the text repeats.
                why = str(error)
        return None if why is None else self._unsendable(source, why)

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

    def expressionReceived(self, sexp: Any) -> None:
        command = sexp[0] if type(sexp) is list else None
        # The most frequent messages, without looking up a method by name.
        if command == b"message":
            self.proto_message(*sexp[1:])
        elif command == b"answer":
            self.proto_answer(*sexp[1:])
        else:
            super().expressionReceived(sexp)

    def proto_message(
        self,
        requestID: Sexp,
        objectID: Sexp,
        message: Sexp,
        answerRequired: Sexp,
        netArgs: Sexp,
        netKw: Sexp,
    ) -> None:
        """Protocol message: a call of one of this end's objects."""
        self._recvMessage(
            self.localObjectForID, requestID, objectID, message, answerRequired, netArgs, netKw
        )

    def proto_cachemessage(
        self,
        requestID: Sexp,
        objectID: Sexp,
        message: Sexp,
        answerRequired: Sexp,
        netArgs: Sexp,
        netKw: Sexp,
    ) -> None:
        """Protocol message: a call of an object that this end caches."""
        self._recvMessage(
            self.cachedLocallyAs, requestID, objectID, message, answerRequired, netArgs, netKw
        )

    def _recvMessage(
        self,
        findObjMethod: Callable[[Sexp], Any],
        requestID: Sexp,
        objectID: Sexp,
        message: Any,
        answerRequired: Sexp,
        netArgs: Sexp,
        netKw: Sexp,
    ) -> None:
        # As Twisted's, but for what is logged.
        method: str = message if isinstance(message, str) else message.decode("utf-8")
        try:
            if not are_arguments(netArgs, netKw):
                raise pb.Error("the arguments of a call must be a tuple and a dictionary")
            found = findObjMethod(objectID)
            if found is None:
                raise pb.Error("Invalid Object ID")
            result = receive_message(found.remoteMessageReceived, self, method, netArgs, netKw)
        except pb.Error as why:
            if answerRequired:
                self._sendError(pb.CopyableFailure(why), requestID)
        except BaseException:
            if answerRequired:
                self._sendError(pb.CopyableFailure(), requestID)
            self.call_failed(Failure())
        else:
            if isinstance(result, Deferred):
                if answerRequired:
                    result.addCallbacks(
                        self._sendAnswer,
                        self._sendFailureOrError,
                        callbackArgs=(requestID,),
                        errbackArgs=(requestID,),
                    )
                result.addErrback(self._unanswered)
            elif answerRequired:
                self._sendAnswer(result, requestID)

    def _sendFailure(self, fail: Failure, requestID: Sexp) -> None:
        self.call_failed(fail)
        self._sendError(fail, requestID)

    def _unanswered(self, why: Failure) -> None:
        # Twisted leaves it to the garbage collector to log this.
        if not isinstance(why.value, pb.Error):
            self.call_failed(why)

    def call_failed(self, why: Failure) -> None:
        """
        A call of the peer has failed; a subclass may log it in another way.

        @param why: not a L{pb.Error}.
        """
        log.err(bounded_failure(why))

    def answer_unsendable(self, source: str, why: str) -> None:
        """
        An answer can't be sent; a subclass may log it in another way.

        @param source: the avatar's class and its method.
        """
        _log.error("the answer of {source} can't be sent: {why}", source=source, why=why)

    def _unsendable(self, source: str, why: str) -> pb.Error:
        """
        Log that an answer can't be sent.

        @return: what to answer instead.
        """
        self.answer_unsendable(source, log_text(why))
        return pb.Error("the answer can't be sent")
