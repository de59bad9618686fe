"""
Calls of the perspective, which say what became of them if their session is lost.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm._broker_slot import broker_of
from pbrealm._wire.resumable_broker import ResumableBroker
from pbrealm._wire.resumable_stream import ResumableStream
from pbrealm.errors import CallLost


def call_perspective(perspective: Any, method: str, args: Any, kw: Any) -> Deferred[Any]:
    """
    Call a method of the perspective.

    @return: as of C{callRemote}.  Fails with L{CallLost} if the client couldn't come back to its
        session.
    """
    called: Deferred[Any] = maybeDeferred(perspective.callRemote, method, *args, **kw)
    broker = broker_of(perspective)
    if not isinstance(broker, ResumableBroker) or broker.stream is None:
        return called
    return called.addErrback(_call_lost, broker.stream, broker.written())


def _call_lost(why: Failure, stream: ResumableStream, sent: int) -> Failure:
    if type(why.value) is not pb.PBConnectionLost or not stream.over:
        return why
    return Failure(CallLost(stream.was_handled(sent)))
