"""
A broker with a send queue.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.abstract import FileDescriptor
from twisted.internet.defer import Deferred, maybeDeferred

from pbrealm._delivery.send_queue import SendQueue
from pbrealm._delivery.unsent import is_sending, must_wait, send_later
from pbrealm._unsaved import Account
from pbrealm._wire.broker import FastBroker
from pbrealm._wire.immediate_write import unencrypted_descriptor

_MAX_HELD_BYTES: Final = 1024 * 1024
"""How much may be kept for the calls of one client, until what they have changed is saved."""


class QueuedBroker(FastBroker, Account):
    """
    A broker whose transport is a L{SendQueue}, which notifications go through.

    While its client doesn't keep up, it handles none of its messages.  So it does while much that
    the client's calls have to tell waits for unsaved changes.

    @ivar send_queue: set before the connection is made.
    """

    send_queue: SendQueue

    _held_bytes = 0

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

    def hold(self, size: int) -> None:
        self._held_bytes += size
        if self._held_bytes > _MAX_HELD_BYTES and not self.send_queue.reading_held:
            self.send_queue.hold_reading()

    def release(self, size: int) -> None:
        self._held_bytes -= size
        if not self._held_bytes and self.send_queue.reading_held:
            self.send_queue.release_reading()
