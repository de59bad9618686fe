"""
The server's broker.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import getmro
from typing import Any, Protocol

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.python.reflect import qual
from twisted.spread import pb

from pbrealm._addresses import format_address
from pbrealm._on_behalf_of import (
    ON_BEHALF_OF,
    PASSED_BACK,
    OnBehalfOf,
    forget_passed_back,
    on_behalf_of,
)
from pbrealm._server.granting_broker import GrantingBroker
from pbrealm._server.login_refusal import REFUSED_SESSIONS
from pbrealm._server.login_request import count_arguments, decode_arguments
from pbrealm._server.referenceable import AspectCopy, AspectReferenceable, SessionReferenceable
from pbrealm._server.resumption import Handover
from pbrealm._wire.ids import is_plain_id
from pbrealm._wire.lazy_jelly import arguments_for
from pbrealm._wire.unsendable import AnswerJelly
from pbrealm.errors import LoginRefused, PBRealmError, Reason
from pbrealm.logins import LoginChallenge

_ANSWERS = (b"answer", b"error")

_SESSIONS = (SessionReferenceable, AspectReferenceable)


class LoginTarget(Protocol):
    """What a broker asks of the root object, which clients log in by."""

    def find(self, target: Any, name: str, count: int) -> Callable[..., object]:
        """Find what a client calls, by its name and number of arguments."""

    def call(self, target: Any, method: Callable[..., object], args: Sequence[object]) -> object:
        """A client calls a method of the root object, or of a challenge."""

    def give_out(self, challenge: LoginChallenge) -> None:
        """A challenge is about to be sent."""


class ServerBroker(GrantingBroker):
    """
    A broker that keeps its client to the limits of the server.

    It tells its L{ClientConnection} of all that comes in.  Whatever comes in, C{dataReceived}
    doesn't raise.

    @ivar login_root: the root object, set before the connection is made.
    """

    # With those of each L{BrokerSlot} that every connection of a server has.
    __slots__ = (
        "_pbrealm_connection",
        "_pbrealm_errors",
        "_pbrealm_realms",
        "login_root",
        "meter",
    )

    login_root: LoginTarget
    factory: Any

    def makeConnection(self, transport: Any) -> None:
        self.send_queue = self.client.make_send_queue(transport)
        super().makeConnection(self.send_queue)

    def connectionMade(self) -> None:
        super().connectionMade()
        self.client.connected()

    @property
    def last_heard(self) -> float | None:
        """When the last sign of life came, by the clock; L{None} if the client isn't pinged."""
        return self.client.last_heard

    def localObjectForID(self, luid: Any) -> Any:
        """
        Look up an object that the client calls, or passes back.

        @raise PBRealmError: if the client may not call it, or not any longer.
        """
        try:
            found = super().localObjectForID(luid)
        except TypeError:
            # The client may send anything as an id, also what isn't hashable.
            return None
        if found is not None and not self.checks_for_itself(found):
            self.client.check_may_call()
            self._grants.check(luid)
        return found

    def checks_for_itself(self, target: object) -> bool:
        """Whether an object decides by itself on each call: what one logs in by, and a session."""
        return isinstance(target, _SESSIONS) or self._is_for_login(target)

    def _is_for_login(self, target: object) -> bool:
        return target is self.login_root or isinstance(target, LoginChallenge)

    def registerReference(self, object: Any) -> Any:
        """
        Hand out a reference.

        @raise pb.Error: for a session of another connection.  What that hands out here would be
            bound to no session.
        """
        if isinstance(object, LoginChallenge):
            self.login_root.give_out(object)
        elif isinstance(object, _SESSIONS) and object.serving.is_elsewhere(self):
            raise pb.Error("a session can't be handed out on another connection")
        return super().registerReference(object)

    def call_failed(self, why: Failure) -> None:
        peer = format_address(self.client.peer)
        self.client.errors.failure(f"a call from {peer} failed", why)

    def unsendable(self, what: str, why: str) -> None:
        self.client.errors.message(what, f"{what} can't be sent: {why}")

    def proto_didNotUnderstand(self, command: Any) -> None:
        """Ignore that the client doesn't understand a command, which it may do at will."""

    def expressionReceived(self, sexp: Any) -> None:
        client = self.client
        if client.metered and not (isinstance(sexp, list) and sexp and sexp[0] in _ANSWERS):
            client.received_message()
        if client.may_only_log_in:
            self._evaluate_before_login(sexp)
        else:
            super().expressionReceived(sexp)

    def _evaluate_before_login(self, sexp: Any) -> None:
        """
        Evaluate a message of a client that can only log in.

        @raise pb.ProtocolError: for a message that a login doesn't need.
        """
        if type(sexp) is list and sexp and type(sexp[0]) is bytes:
            command, *items = sexp
            match command, len(items):
                case b"message", 6:
                    self._call_before_login(*items)
                    return
                case ((b"answer" | b"error"), 2) if type(items[0]) is int:
                    self._discard_answer(items[0])
                    return
                case b"acknowledge", 1:
                    self.proto_acknowledge(items[0])
                    return
                case b"version", 1 if type(items[0]) is int:
                    self.proto_version(items[0])
                    return
                case b"decref", 1 if is_plain_id(items[0]) and items[0] in self.localObjects:
                    self.proto_decref(items[0])
                    return
                # What a client may send that doesn't know yet that its session has ended.
                case b"decache", 1 if (
                    is_plain_id(items[0]) and items[0] in self.remotelyCachedObjects
                ):
                    self.proto_decache(items[0])
                    return
        raise pb.ProtocolError("a message that is not part of a login")

    def _discard_answer(self, request_id: int) -> None:
        # For a ping or a goodbye any answer will do, and of a session that has ended there is
        # nothing else that anybody waits for.
        try:
            awaited = self.is_awaited(request_id)
        except KeyError:
            raise pb.ProtocolError("an answer to nothing") from None
        if awaited:
            answer = self.waitingForAnswers.pop(request_id)
            answer.errback(Failure(pb.Error("the answer came after the end of the session")))

    def _call_before_login(
        self, request_id: Any, object_id: Any, method: Any, answer: Any, args: Any, kw: Any
    ) -> None:
        local = self.localObjects.get(object_id) if is_plain_id(object_id) else None
        if local is not None and self._is_for_login(local.object):
            self._call_login(local.object, request_id, method, answer, args, kw)
        elif answer:
            why: Deferred[Any] = maybeDeferred(self.client.check_may_call)
            why.addErrback(self._sendError, request_id)

    def proto_message(
        self,
        requestID: Any,
        objectID: Any,
        message: Any,
        answerRequired: Any,
        netArgs: Any,
        netKw: Any,
    ) -> None:
        """Protocol message: a call, of a client that has a login."""
        try:
            target = self.localObjects[objectID].object
        except (KeyError, TypeError):
            target = None
        self.calls_received += 1
        whom: OnBehalfOf = None
        if type(target) is SessionReferenceable or type(target) is AspectReferenceable:
            whom = target.serving
        elif target is not None:
            if self._is_for_login(target):
                args, kw = arguments_for(self._call_login, netArgs, netKw)
                self._call_login(target, requestID, message, answerRequired, args, kw)
                return
            # What an object hands out belongs to whom the object does.
            whom = self._grants.of(objectID)
        token = ON_BEHALF_OF.set(whom)
        try:
            super().proto_message(requestID, objectID, message, answerRequired, netArgs, netKw)
        finally:
            ON_BEHALF_OF.reset(token)
            forget_passed_back()

    def _call_login(
        self, target: Any, request_id: Any, method: Any, answer: Any, args: Any, kw: Any
    ) -> None:
        """
        A client calls what it logs in by.

        Twisted's dispatcher would decode any argument, and log what the client has sent.

        @raise pb.ProtocolError: if it isn't a valid call.
        """
        if type(request_id) is not int or not is_plain_id(request_id) or type(method) is not bytes:
            raise pb.ProtocolError("a call without a number or a name")
        name = method.decode("ascii", "replace")
        result: Deferred[Any] = maybeDeferred(self._log_in, target, name, args, kw)
        result.addCallback(self._answer_login, request_id if answer else None)
        result.addErrback(self._refuse_login, request_id if answer else None)

    def _log_in(self, target: Any, method: str, args: Any, kw: Any) -> Any:
        self.client.logins.counts.check_not_revoked()
        found = self.login_root.find(target, method, count_arguments(args, kw))
        return self.login_root.call(target, found, decode_arguments(self, args))

    def _answer_login(self, result: object, request_id: int | None) -> None:
        """
        @param request_id: L{None} if the client wants no answer.
        """
        if type(result) is AspectCopy:
            self._send_copy(result, request_id)
            return
        if type(result) is Handover:
            if request_id is not None:
                self.sendCall(b"answer", request_id, [b"tuple", *result.parts])
            self.flush()
            result.then()
            return
        parts = result if type(result) is tuple else (result,)
        if all(type(part) is bytes or self.checks_for_itself(part) for part in parts):
            # As jelly does it, at a part of the cost.
            jelly: list[Any] = [
                part if type(part) is bytes else [b"remote", self.registerReference(part)]
                for part in parts
            ]
            if request_id is not None:
                answer = jelly[0] if parts is not result else [b"tuple", *jelly]
                self.sendCall(b"answer", request_id, answer)
            return
        # Whoever has completed the login, it is not its session that hands this out.
        with on_behalf_of(None):
            answer = self.serialize(result)
        if request_id is not None:
            self._sendAnswer(answer, request_id)

    def _send_copy(self, copy: AspectCopy, request_id: int | None) -> None:
        """
        Answer a login with a copy.

        @raise Exception: if it can't be made or sent.  The login has failed then, as far as the
            client knows, so its session ends.
        """
        try:
            # What the copy holds ends with the session, whoever has completed the login.
            with on_behalf_of(None if copy.session is None else (copy.session,)):
                jelly = AnswerJelly(self.serialize(copy.aspect), "the answer of a login")
            error = None if request_id is None else self.send_jelly(jelly, request_id)
            if error is not None:
                raise error
        except BaseException:
            copy.logout()
            raise

    def _refuse_login(self, why: Failure, request_id: int | None) -> None:
        error = self._refusal(why)
        if request_id is not None:
            self._send_refusal(error, request_id)

    def _refusal(self, why: Failure) -> Failure:
        """
        @return: the same failure, if it is one for the client; else a L{LoginRefused}, and the
            failure is logged.
        """
        if isinstance(why.value, pb.Error):
            return why
        self.client.errors.failure("a login failed", why)
        return Failure(LoginRefused("the login failed because of an error of the server"))

    def _send_refusal(self, why: Failure, request_id: int) -> None:
        reason = why.value.reason if isinstance(why.value, PBRealmError) else Reason.REFUSED
        if reason.reconnect and self.client.may_only_log_in:
            self.client.drop()
            return
        with on_behalf_of(REFUSED_SESSIONS):
            self._sendError(why, request_id)

    def _sendError(self, fail: Any, requestID: Any) -> None:
        value = fail.value if isinstance(fail, Failure) else None
        # That of an error of another client, which is passed on, is a string.
        if isinstance(value, BaseException) and not isinstance(value, Exception):
            # Of what isn't an Exception, a Failure's parents are the class itself instead of
            # names, and no client would decode that.
            fail.parents = [qual(each) for each in getmro(type(value))]
        super()._sendError(fail, requestID)

    def dataReceived(self, chunk: bytes) -> None:
        """Handle what the client sends; if that isn't valid, abort the connection."""
        # Some reactors read in the context in which the transport was resumed: perhaps a call's.
        # Or this is called by what handles a call.
        passed_back = forget_passed_back()
        token = ON_BEHALF_OF.set(None)
        try:
            self.send_queue.start()
            self.bytes_received += len(chunk)
            self.client.received(len(chunk))
            super().dataReceived(chunk)
        except Exception as why:
            self.client.misbehaved(why)
        finally:
            ON_BEHALF_OF.reset(token)
            if passed_back is not None:
                PASSED_BACK.set(passed_back)

    def stream_away(self) -> None:
        self.client.resumption.went_away()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.client.disconnected()
        super().connectionLost(reason)
        # Something may refer to this broker for long; the unfinished message isn't needed.
        self.buffer = b""
        self.client.closed()
