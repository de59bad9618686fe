"""
A broker with a send queue.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.abstract import FileDescriptor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.spread.jelly import SecurityOptions, globalSecurity

from pbrealm._delivery.held_bytes import HeldBytes
from pbrealm._delivery.send_order import call_must_wait, send_later
from pbrealm._delivery.send_queue import SendQueue
from pbrealm._delivery.unsent import drop_after_unsent
from pbrealm._unsaved import STORES, Account
from pbrealm._wire.immediate_write import unencrypted_descriptor
from pbrealm._wire.resumable_broker import ResumableBroker
from pbrealm._wire.resumable_stream import ResumableStream

MAX_HELD_BYTES: Final = 4 * 1024 * 1024
"""How much may be kept for the calls of one client, until what they have changed is saved."""

_DROPPED_SIZE: Final = 200
"""What counts for a reference that is dropped once what is sent before it is."""


class QueuedBroker(ResumableBroker, Account):
    """
    A broker whose transport is a L{SendQueue}, which notifications go through.

    While its client doesn't keep up, it handles none of its messages.  So it does while much that
    the client's calls have to tell waits for unsaved changes, or anything, if much waits for all
    clients together.

    @ivar send_queue: set before the connection is made.
    @ivar held_for_all: how much waits for unsaved changes, for all clients of the server; set
        before the connection is made.
    @ivar bytes_received: how many bytes the client has sent.
    @ivar bytes_past_queue: how many bytes were written past the send queue.
    @ivar calls_received: how many calls of the client there were, without its logins.
    """

    __slots__ = (
        "answer_ages",
        "bytes_past_queue",
        "bytes_received",
        "calls_received",
        "held_for_all",
        "send_queue",
    )

    send_queue: SendQueue
    held_for_all: HeldBytes

    _held_bytes = 0

    def __init__(self, isClient: int = 1, security: SecurityOptions = globalSecurity) -> None:
        super().__init__(isClient, security)
        self.answer_ages = None
        self.bytes_past_queue = 0
        self.bytes_received = 0
        self.calls_received = 0

    @property
    def last_heard(self) -> float | None:
        """When the last sign of life came, by the clock; L{None} where nobody watches."""
        return None

    @property
    def bytes_sent(self) -> int:
        """How many bytes were written to the client."""
        return self.bytes_past_queue + self.send_queue.bytes_written

    def makeConnection(self, transport: Any) -> None:
        self.send_queue.receiver = self
        super().makeConnection(transport)  # type: ignore[no-untyped-call]

    def immediate_descriptor(self) -> FileDescriptor | None:
        return unencrypted_descriptor(self.send_queue.direct)

    def write_now(self, data: bytes) -> int:
        past = super().write_now(data)
        self.bytes_past_queue += past
        return past

    def make_stream(self, limit: int) -> ResumableStream:
        return self.send_queue.put_below(
            lambda transport: ResumableStream(self, limit, self, transport)
        )

    def writes_to_stream(self) -> bool:
        return self.send_queue.direct is not None

    def calls_must_wait(self) -> bool:
        return call_must_wait(self)

    def call_later(self, *call: Any) -> Deferred[Any] | None:
        answer: Deferred[Any] = send_later(self, self._call_now, *call, droppable=False)
        if call[-1].get("pbanswer", True):
            return answer
        answer.addErrback(lambda _: None)
        return None

    def _call_now(self, *call: Any) -> Deferred[Any]:
        return maybeDeferred(self._sendMessage, b"", *call)

    def sendDecRef(self, objectID: Any) -> None:
        """Tell the client that a reference is dropped, after the calls by it that wait."""
        # No peer's own ids are anything else.
        if (
            STORES.used
            and type(objectID) is int
            and drop_after_unsent(self, self._drop_now, objectID)
        ):
            self.hold(_DROPPED_SIZE)
        else:
            super().sendDecRef(objectID)

    def _drop_now(self, object_id: int, count: int) -> None:
        self.release(count * _DROPPED_SIZE)
        for _ in range(count):
            super().sendDecRef(object_id)

    @property
    def message_memory(self) -> int:  # type: ignore[override]  # of the reader
        return self._reader.message_memory

    def drops_oldest(self, size: int) -> bool:
        return self.send_queue.drops_oldest(size)

    def may_wait(self, size: int, *, droppable: bool) -> bool:
        return self.send_queue.may_wait(size, droppable=droppable)

    def hold(self, size: int) -> None:
        self._held_bytes += size
        self.held_for_all.hold(size)
        if not self.disconnected and (
            self._held_bytes > MAX_HELD_BYTES or self.held_for_all.is_full
        ):
            self.send_queue.hold_reading()

    def release(self, size: int) -> None:
        self._held_bytes -= size
        self.held_for_all.release(size)
        if self.disconnected or not self.send_queue.reading_held:
            return
        if not self._held_bytes or (
            self._held_bytes <= MAX_HELD_BYTES // 2 and not self.held_for_all.is_full
        ):
            self.send_queue.release_reading()
