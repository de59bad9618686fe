"""
A broker with a send queue.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.abstract import FileDescriptor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.spread.jelly import SecurityOptions, globalSecurity

from pbrealm._delivery.held_bytes import HeldBytes
from pbrealm._delivery.send_queue import SendQueue
from pbrealm._delivery.unsent import call_must_wait, send_after_unsent, send_later
from pbrealm._unsaved import STORES, Account
from pbrealm._wire.immediate_write import unencrypted_descriptor
from pbrealm._wire.kept import Kept
from pbrealm._wire.resumable_broker import ResumableBroker
from pbrealm._wire.resumable_stream import ResumableStream

_MAX_HELD_BYTES: Final = 1024 * 1024
"""How much may be kept for the calls of one client, until what they have changed is saved."""


class QueuedBroker(ResumableBroker, Account):
    """
    A broker whose transport is a L{SendQueue}, which notifications go through.

    While its client doesn't keep up, it handles none of its messages.  So it does while much that
    the client's calls have to tell waits for unsaved changes, or anything, if much waits for all
    clients together.

    @ivar send_queue: set before the connection is made.
    @ivar held_for_all: how much waits for unsaved changes, for all clients of the server; set
        before the connection is made.
    """

    send_queue: SendQueue
    held_for_all: HeldBytes

    _held_bytes = 0

    def __init__(self, isClient: int = 1, security: SecurityOptions = globalSecurity) -> None:
        super().__init__(isClient, security)
        # Answers that wait for unsaved changes, by their ids.
        self._kept: dict[int, Kept] = {}

    def makeConnection(self, transport: Any) -> None:
        self.send_queue.receiver = self
        super().makeConnection(transport)  # type: ignore[no-untyped-call]

    def immediate_descriptor(self) -> FileDescriptor | None:
        return unencrypted_descriptor(self.send_queue.direct)

    def make_stream(self, limit: int) -> ResumableStream:
        return self.send_queue.put_below(
            lambda transport: ResumableStream(self, limit, self, transport)
        )

    def writes_to_stream(self) -> bool:
        return self.send_queue.direct is not None

    def calls_must_wait(self) -> bool:
        return call_must_wait(self)

    def call_later(self, *call: Any) -> Deferred[Any] | None:
        answer: Deferred[Any] = send_later(self, self._call_now, *call)
        if call[-1].get("pbanswer", True):
            return answer
        answer.addErrback(lambda _: None)
        return None

    def _call_now(self, *call: Any) -> Deferred[Any]:
        return maybeDeferred(self._sendMessage, b"", *call)

    def sendDecRef(self, objectID: Any) -> None:
        """Tell the client that a reference is dropped, after the calls by it that wait."""
        if STORES.used:
            send_after_unsent(self, lambda: super(QueuedBroker, self).sendDecRef(objectID))
        else:
            super().sendDecRef(objectID)

    @property
    def message_bytes(self) -> int:  # type: ignore[override]  # of the reader
        return self._reader.message_bytes

    def keep(self, answer: Kept) -> None:
        if self.disconnected:
            # Nobody gets it any more.
            answer.thing = None
            return
        self._kept[id(answer)] = answer
        self.hold(answer.size)

    def let_go(self, answer: Kept) -> None:
        if self._kept.pop(id(answer), None) is not None:
            self.release(answer.size)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        while self._kept:
            _, answer = self._kept.popitem()
            answer.thing = None
            self.release(answer.size)

    def hold(self, size: int) -> None:
        self._held_bytes += size
        self.held_for_all.hold(size)
        if self.send_queue.reading_held or self.disconnected:
            return
        if self._held_bytes > _MAX_HELD_BYTES or self.held_for_all.is_full:
            self.send_queue.hold_reading()

    def release(self, size: int) -> None:
        self._held_bytes -= size
        self.held_for_all.release(size)
        if not self._held_bytes and self.send_queue.reading_held and not self.disconnected:
            self.send_queue.release_reading()
