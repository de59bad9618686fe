"""
Calling one mind, which may be slow or gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm._arguments import MAX_SECONDS, check_most
from pbrealm._broker_slot import broker_of
from pbrealm._delivery.encoded_call import EncodedCall, encode_call
from pbrealm._delivery.queued_broker import QueuedBroker
from pbrealm._delivery.send_call import forget_answer, send_call, takes_encoded
from pbrealm._unsaved import STORES, count_answer
from pbrealm.errors import NoMind, NotificationDropped, NotifyTimeout

NOTIFY_TIMEOUT = 30.0
"""Seconds that a client gets to answer a notification, by default."""


def call_mind(
    mind: Any, method: str, args: Sequence[object], kw: Mapping[str, object]
) -> Deferred[Any]:
    """
    Do as C{mind.callRemote} does, but fail where it raises: for a mind that is dead, or none.

    @return: fires with the answer, or with L{None} if none was asked for (C{pbanswer=False}).
    """
    if mind is None:
        return fail(NoMind("the client passed no mind"))
    broker = broker_of(mind)
    if broker is not None and broker.disconnected:
        # An observer of a Cacheable has no error of its own for this.
        return fail(pb.DeadReferenceError("the connection is lost"))
    if isinstance(broker, QueuedBroker):
        if kw.get("pbanswer", True) and not broker.send_queue.may_expect_answer(
            broker.waitingForAnswers
        ):
            return fail(NotificationDropped("too many notifications are without their answer"))
        # Only what is encoded here is a notification to the send queue, which it may drop.
        try:
            call = encode_call(method, args, kw)
        except Exception:
            return fail()
        if call is not None and takes_encoded(mind, broker):
            answer = _call_encoded(mind, call)
            if STORES.used and call.answer:
                count_answer(answer, broker)
            return answer
    return maybeDeferred(lambda: mind.callRemote(method, *args, **kw))


def _call_encoded(mind: pb.RemoteReference, call: EncodedCall) -> Deferred[Any]:
    answer: Deferred[Any] = Deferred(lambda _: forget_answer(mind, request_id))
    request_id = 0
    try:
        request_id = send_call(mind, call, answer if call.answer else None)
    except Exception:
        return fail()
    if not call.answer:
        answer.callback(None)
    return answer


def timed_out(_: object, timeout: float | None) -> Failure:
    """The failure of a notification without an answer, for C{addTimeout}."""
    if timeout is None:
        return Failure(NotifyTimeout("no answer"))
    return Failure(
        NotifyTimeout(f"no answer within {timeout:g} second{'' if timeout == 1 else 's'}")
    )


def take_timeout(kw: dict[str, object], default: float | None) -> float | None:
    """
    Take C{pbtimeout} out of the keyword arguments of a notification, since it isn't sent.

    @return: seconds, or L{None} to wait for as long as the client is there.
    @raise ValueError: unless it's a positive number or L{None}.
    """
    return check_timeout("pbtimeout", kw.pop("pbtimeout", default))


def check_timeout(name: str, timeout: object) -> float | None:
    """
    Check a number of seconds, or L{None} for any.

    @param name: for the error.
    @raise ValueError: unless it's a positive number or L{None}.
    """
    if timeout is None:
        return None
    number = isinstance(timeout, (int, float)) and not isinstance(timeout, bool)
    if not number or not timeout > 0:  # type: ignore[operator]  # it's a number here
        raise ValueError(f"{name} must be a positive number of seconds or None, not {timeout!r}")
    check_most(name, timeout, MAX_SECONDS)  # type: ignore[arg-type]  # the same
    return timeout  # type: ignore[return-value]  # the same
