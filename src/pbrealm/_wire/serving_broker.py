"""
A faster broker: the calls of the peer, and what is answered to them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from contextvars import Context, copy_context
from time import perf_counter
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python import log
from twisted.python.failure import Failure
from twisted.python.reflect import qual
from twisted.spread import pb
from twisted.spread.banana import BananaError

from pbrealm._histogram import BOUNDS
from pbrealm._log_text import bounded_failure, log_text
from pbrealm._wire.calling_broker import CallingBroker
from pbrealm._wire.dispatch import receive_message
from pbrealm._wire.error_answers import is_sent_as_object, plain_failure
from pbrealm._wire.incoming import are_arguments
from pbrealm._wire.lazy_jelly import EncodedJelly
from pbrealm._wire.meter import CallMeter
from pbrealm._wire.outgoing import encode_answer
from pbrealm._wire.sexp import Sexp
from pbrealm._wire.tokens import NotPlain
from pbrealm._wire.unsendable import AnswerJelly, why_unsendable

_log = Logger()

_FIRST_BOUND: Final = BOUNDS[0]


class ServingBroker(CallingBroker):
    """
    A broker that serves the calls of its peer.

    Each is answered, if the peer asks for that: where an answer can't be sent, by an error.

    @ivar meter: measures each call; L{None} if nobody asks.
    """

    factory: Any
    meter: CallMeter | None = None

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
        # As Twisted's, but for what is logged, and for what is kept until the answer is sent.
        if type(requestID) is not int:
            raise pb.ProtocolError("the number of a call isn't a number")
        method: str = message if isinstance(message, str) else message.decode("utf-8")
        meter = self.meter
        began = 0.0 if meter is None else perf_counter()
        failed = True
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
            failed = False
            if isinstance(result, Deferred):
                if meter is not None:
                    result.addBoth(_metered, meter, began)
                    meter = None
                if answerRequired:
                    result.addCallbacks(
                        self._sendAnswer,
                        self._send_failure_in,
                        callbackArgs=(requestID,),
                        errbackArgs=(copy_context(), requestID),
                    )
                result.addErrback(self._unanswered)
            elif answerRequired:
                self._sendAnswer(result, requestID)
        if meter is not None:
            took = perf_counter() - began
            # As its C{observe}, at half the cost.  Most calls are in the first bucket.
            meter.counts[0 if took <= _FIRST_BOUND else bisect_left(BOUNDS, took)] += 1
            meter.sum += took
            if failed:
                meter.failed += 1

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
        source = "the answer of a method"
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

    def _send_failure_in(self, why: Failure, context: Context, request_id: Sexp) -> None:
        # An error may hold objects as an answer may, and is jellied in the same context.
        context.run(self._sendFailureOrError, why, request_id)

    def _sendFailure(self, fail: Failure, requestID: Sexp) -> None:
        self.call_failed(fail)
        self._sendError(fail, requestID)

    def _sendError(self, fail: Any, requestID: Sexp) -> None:
        # As Twisted's, but for an error that can't be sent as an object, or not at all.
        if self.disconnected:
            return
        value = fail.value if isinstance(fail, Failure) else fail
        if is_sent_as_object(value, self.security) and self._sends_error(value, requestID):
            return
        plain = plain_failure(fail, self.factory.unsafeTracebacks)
        if not self._sends_error(plain, requestID):
            self._sends_error(pb.CopyableFailure(pb.Error("the error can't be sent")), requestID)

    def _sends_error(self, error: Any, request_id: Sexp) -> bool:
        """
        Send an error, if it can be sent.

        @return: whether it was.
        """
        try:
            jelly = self.serialize(error)
            why = None
            if not isinstance(jelly, EncodedJelly):
                why = why_unsendable(jelly, self.security)
            if why is None:
                self.sendCall(b"error", request_id, jelly)
                return True
        except pb.Error:
            # What it holds may not be handed out.
            return False
        except Exception as unexpected:
            why = str(unexpected)
        kind = type(error.value if isinstance(error, Failure) else error)
        self._unsendable(f"the error {qual(kind)}", why)
        return False

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

    def unsendable(self, what: str, why: str) -> None:
        """
        An answer or an error can't be sent; a subclass may log it in another way.

        @param what: "the answer of" the avatar's class and its method, or "the error" and its
            class.
        """
        _log.error("{what} can't be sent: {why}", what=what, why=why)

    def _unsendable(self, what: str, why: str) -> pb.Error:
        """
        Log that an answer or an error can't be sent.

        @return: what to answer instead of an answer.
        """
        self.unsendable(what, log_text(why))
        return pb.Error("the answer can't be sent")


def _metered(result: Any, meter: CallMeter, began: float) -> Any:
    meter.observe(perf_counter() - began)
    meter.failed += isinstance(result, Failure)
    return result
