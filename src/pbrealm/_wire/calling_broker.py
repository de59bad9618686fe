"""
A faster broker: the calls that this end makes, and their answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.python import log
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.spread.jelly import InsecureJelly, SecurityOptions
from twisted.spread.pb import Broker

from pbrealm._unsaved import STORES, count_answer
from pbrealm._wire.answer_ages import AnswerAges
from pbrealm._wire.banana import FastBanana
from pbrealm._wire.outgoing import call_header, write_call
from pbrealm._wire.ping import PING, PING_ID, ping_by_call
from pbrealm._wire.received_failure import received_failure
from pbrealm._wire.security import has_default_type_rule
from pbrealm._wire.sexp import Sexp
from pbrealm._wire.tokens import DECREF_START, NotPlain, int_token

SEND_METHODS: Final = frozenset(
    {"_sendMessage", "newRequestID", "sendCall", "sendEncoded", "serialize"}
)
"""
The methods of a broker that take part in sending a call.

A message may be written without them only if no subclass overrides any.
"""


class CallingBroker(FastBanana, Broker):
    """
    A broker that calls the objects of its peer, and awaits the answers.

    It knows no way of its own to jelly what it passes, nor to unjelly what is answered.
    """

    security: SecurityOptions
    # A dictionary by request id.  Twisted's annotation is the None that it is once disconnected.
    waitingForAnswers: Any

    # Whether no subclass overrides any of SEND_METHODS.
    _has_default_send_methods = True

    # Notes when calls are made, where somebody asks.
    answer_ages: AnswerAges | None = None

    # Those who wait for the answer to a ping; None before the first ping.
    _pings: list[Deferred[Any]] | None = None

    def _sendMessage(
        self,
        prefix: bytes,
        perspective: Any,
        objectID: int | bytes,
        message: bytes,
        args: tuple[object, ...],
        kw: dict[str, object],
    ) -> Deferred[Any] | None:
        if STORES.used and not prefix and self.calls_must_wait():
            return self.call_later(perspective, objectID, message, args, kw)
        if (
            prefix
            or self.disconnected
            or not self.fast_codec
            or not self._has_default_send_methods
            or not has_default_type_rule(self.security)
        ):
            return self._send_by_jelly(prefix, perspective, objectID, message, args, kw)
        parts: list[bytes] = [b""]
        try:
            if type(message) is not bytes or type(objectID) not in (int, bytes):
                raise NotPlain("unusual types")
            answer = write_call(message, args, kw, parts)
            parts[0] = call_header(self.currentRequestID + 1, objectID)
        except NotPlain:
            return self._send_by_jelly(prefix, perspective, objectID, message, args, kw)
        return self._send_encoded_call(parts, answer)

    def calls_must_wait(self) -> bool:
        """Whether C{callRemote} must wait for unsaved changes; for subclasses to override."""
        return False

    def call_later(self, *call: Any) -> Deferred[Any] | None:
        """
        Make a call that must wait; for subclasses to override.

        @param call: the arguments of C{_sendMessage}, but for the prefix.
        """
        raise NotImplementedError

    def _send_by_jelly(
        self,
        prefix: bytes,
        perspective: Any,
        object_id: int | bytes,
        message: bytes,
        args: tuple[object, ...],
        kw: dict[str, object],
    ) -> Deferred[Any] | None:
        deprecated = "pbcallback" in kw or "pberrback" in kw
        previous_id = self.currentRequestID
        answer: Deferred[Any] | None
        try:
            answer = super()._sendMessage(prefix, perspective, object_id, message, args, kw)
        except BaseException:
            # Twisted registers the answer before banana may find that the call can't be sent.
            if self.currentRequestID != previous_id and self.waitingForAnswers:
                self.waitingForAnswers.pop(self.currentRequestID, None)
            raise
        request_id = self.currentRequestID
        if deprecated or answer is None or self.waitingForAnswers.get(request_id) is not answer:
            return answer
        return self.expect_answer(request_id)

    def _send_encoded_call(self, parts: Iterable[bytes], answer: object) -> Deferred[Any] | None:
        request_id = self.newRequestID()
        waiting = self.expect_answer(request_id) if answer else None
        self.send_bytes(b"".join(parts))
        return waiting

    def expect_answer(self, request_id: int) -> Deferred[Any]:
        """
        Wait for the answer to a request.

        @return: fires with the answer.  Cancelling this forgets the request, and an answer that
            comes later is ignored.
        """
        waiting = self.waitingForAnswers
        answer: Deferred[Any] = Deferred(lambda _: waiting.pop(request_id, None))
        waiting[request_id] = answer
        if self.answer_ages is not None:
            self.answer_ages.called(request_id, waiting)
        if STORES.used:
            count_answer(answer, self._reader)
        return answer

    def proto_answer(self, requestID: Sexp, netResult: Sexp) -> None:
        """Protocol message: an answer."""
        if self.is_awaited(requestID):
            # Remove the request only after this.  If the answer can't be unjellied, the
            # connection is closed, and the request's Deferred fails with all others.  Twisted's
            # broker removes the request first, so its Deferred never fires.
            try:
                result = self.unserialize(netResult)
            except InsecureJelly as why:
                if not self.isClient:
                    raise
                # A class that this end doesn't know: no reason to leave a server.
                answer = self.waitingForAnswers.pop(requestID, None)
                if answer is not None:
                    answer.errback(Failure(why))
                return
            answer = self.waitingForAnswers.pop(requestID, None)
            if answer is None:
                return
            if isinstance(result, Failure):
                # A Deferred would take it as an error, too, but as one to close coroutines with.
                answer.errback(received_failure(result))
            else:
                answer.callback(result)

    def proto_error(self, requestID: Sexp, fail: Sexp) -> None:
        """Protocol message: an answer that is an error."""
        if self.is_awaited(requestID):
            why = received_failure(self.unserialize(fail))
            answer = self.waitingForAnswers.pop(requestID, None)
            if answer is not None:
                answer.errback(why)

    def is_awaited(self, requestID: Sexp) -> bool:
        """
        Whether the answer to a request is still wanted.

        @return: C{False} if the request was cancelled, or was a ping.
        @raise KeyError: if there was no such request.
        """
        if requestID in self.waitingForAnswers:
            return True
        if requestID == PING_ID and self._pings is not None:
            self._ping_answered()
        elif not isinstance(requestID, int) or not 0 < requestID <= self.currentRequestID:
            raise KeyError(requestID)
        return False

    def send_ping(self) -> bool:
        """
        Have the peer send something, which every Perspective Broker peer does.

        @return: whether a ping was sent.  Before the dialect is settled, and in an unusual one,
            only L{ping} sends one.
        """
        if self.disconnected or not self.fast_codec or not self._has_default_send_methods:
            return False
        if self._pings is None:
            self._pings = []
            self._reader.pinged = True
        if self.coalesced is None:
            self.write_now(PING)
        else:
            self.send_bytes(PING)
        return True

    def ping(self) -> Deferred[Any]:
        """
        Ping the peer.

        @return: fires, or fails, once the peer has answered, and fails with
            L{pb.PBConnectionLost} if the connection is lost.
        """
        if not self.send_ping() or self._pings is None:
            return ping_by_call(self)
        pings = self._pings
        answer: Deferred[Any] = Deferred(pings.remove)
        pings.append(answer)
        return answer

    def _ping_answered(self) -> None:
        if self._pings:
            answers, self._pings = self._pings, []
            while answers:
                answers.pop(0).callback(None)

    def sendDecRef(self, objectID: Any) -> None:
        """Tell the peer that one reference less to an object of its is held here."""
        if type(objectID) is int and self.fast_codec and self._has_default_send_methods:
            self.send_bytes(DECREF_START + int_token(objectID))
        else:
            super().sendDecRef(objectID)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.disconnected = 1
        # No message has made what fails now fail.
        self._reader.message_memory = 0
        # Twisted's connectionLost iterates over this dictionary, and would fail if the errback of
        # one answer cancelled another, which takes that out of the dictionary.
        waiting = self.waitingForAnswers
        while waiting:
            # One by one from the front, each would take as long as there were ones before it.
            for request_id in list(waiting):
                answer = waiting.pop(request_id, None)
                if answer is not None:
                    self._fail_answer(answer, reason)
        while self._pings:
            self._fail_answer(self._pings.pop(), reason)
        super().connectionLost(reason)

    def _fail_answer(self, answer: Deferred[Any], reason: Failure) -> None:
        try:
            answer.errback(Failure(pb.PBConnectionLost(reason)))
        except BaseException:
            log.deferr()
