"""
A broker with a send queue.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.internet.defer import Deferred, maybeDeferred

from pbrealm._delivery.send_queue import SendQueue
from pbrealm._delivery.unsent import is_sending, must_wait, send_later
from pbrealm._wire.broker import FastBroker
from pbrealm._wire.immediate_write import unencrypted_descriptor


class QueuedBroker(FastBroker):
    """
    A broker whose transport is a L{SendQueue}, which notifications go through.

    While its client doesn't keep up, it handles none of its messages.

    @ivar send_queue: set before the connection is made.
    """

    send_queue: SendQueue

    def makeConnection(self, transport: Any) -> None:
        self.send_queue.receiver = self
        super().makeConnection(transport)  # type: ignore[no-untyped-call]

    def immediate_descriptor(self) -> FileDescriptor | None:
        return unencrypted_descriptor(self.send_queue.direct)

    def calls_must_wait(self) -> bool:
        return not is_sending(self) and must_wait(self)

    def call_later(self, *call: Any) -> Deferred[Any] | None:
        answer: Deferred[Any] = send_later(self, self._call_now, *call)
        if call[-1].get("pbanswer", True):
            return answer
        answer.addErrback(lambda _: None)
        return None

    def _call_now(self, *call: Any) -> Deferred[Any]:
        return maybeDeferred(self._sendMessage, b"", *call)
