"""
A notification of the client of one session.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm._broker_slot import broker_of
from pbrealm._delivery.notify import NOTIFY_TIMEOUT, call_mind, take_timeout, timed_out
from pbrealm._delivery.outcomes import NOTIFICATIONS, count_outcome
from pbrealm._delivery.send_order import send_in_order
from pbrealm._on_behalf_of import on_behalf_of
from pbrealm.errors import Reason, SessionEnded


class NotifiedSession(Protocol):
    """
    What a notification asks of its session.

    @ivar mind: what is called.
    @ivar clock: what its timeout runs by.
    @ivar ended: why it has ended; L{None} if it hasn't.
    """

    mind: Any
    clock: IReactorTime
    ended: Reason | None

    @property
    def disconnected(self) -> bool:
        """Whether the connection is lost, as far as it is known."""

    def revoke(self, reason: Reason) -> object:
        """The session is about to end."""


def notify_client(
    session: NotifiedSession, method: str, args: tuple[object, ...], kw: dict[str, object]
) -> Deferred[Any]:
    """
    Call a method of the mind of a L{Session<pbrealm.Session>}, as its C{notify} does.
    """
    try:
        timeout = take_timeout(kw, NOTIFY_TIMEOUT)
    except ValueError:
        return fail()
    if session.ended is not None:
        answer: Deferred[Any] = fail(SessionEnded(session.ended))
    else:
        # What is passed as an argument is handed out by this session.
        with on_behalf_of(session):
            broker = broker_of(session.mind)
            answer = send_in_order(broker, partial(_call_mind, session), method, args, kw)
        answer.addErrback(_unanswered, session)
    answers = kw.get("pbanswer", True)
    if answers and timeout is not None:
        answer.addTimeout(timeout, session.clock, onTimeoutCancel=timed_out)
    if NOTIFICATIONS.counts is not None:
        count_outcome(answer, NOTIFICATIONS.counts, told=not answers)
    if answers:
        return answer
    answer.addErrback(lambda _: None)
    return succeed(None)


def _call_mind(
    session: NotifiedSession, method: str, args: tuple[object, ...], kw: dict[str, object]
) -> Deferred[Any]:
    if session.ended is not None:
        return fail(SessionEnded(session.ended))
    return call_mind(session.mind, method, args, kw)


def _unanswered(why: Failure, session: NotifiedSession) -> Failure:
    if not session.disconnected or not isinstance(
        why.value, (pb.PBConnectionLost, pb.ProtocolError)
    ):
        return why
    # The broker fails its calls before it tells of the lost connection, which then ends the
    # session: in the same call.
    session.revoke(Reason.DISCONNECTED)
    return Failure(SessionEnded(session.ended or Reason.DISCONNECTED))
