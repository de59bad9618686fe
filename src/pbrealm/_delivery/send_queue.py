"""
The send queue: what waits to be sent to a client that is slow to take it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from zope.interface import directlyProvides, implementer, providedBy

from pbrealm._delivery.backlog import Backlog, SlowClientPolicy

WRITE_SIZE = 64 * 1024
"""Bytes that are written to a transport at most before it has said whether it keeps up."""


class Receiver(Protocol):
    """
    What handles the messages of the client.
    """

    def pause_messages(self) -> object:
        """Handle none, not even those that have been received."""

    def resume_messages(self) -> object:
        """Handle those that have been received, and those to come."""


@dataclass(eq=False)
class _Message:
    """
    A message that waits, or the rest of one.

    @ivar kind: is equal for notifications that may replace each other; L{None} for a message that
        can't be dropped.
    @ivar dropped: called if the message is dropped.
    @ivar begun: whether a part has been sent, so that the rest has to follow.
    """

    __slots__ = ("begun", "data", "dropped", "kind")

    data: bytes
    kind: Hashable
    dropped: Callable[[], object] | None
    begun: bool


@implementer(IPushProducer)
class SendQueue:
    """
    A transport in front of another: it passes on what is written as long as the other keeps up,
    and queues it otherwise.

    It is the producer of the other transport, by which it learns whether that keeps up.

    @ivar ready: the other transport while it keeps up, else L{None}.
    @ivar receiver: is paused while the client doesn't keep up; L{None} if there is none.
    """

    __slots__ = (
        "__provides__",
        "_backlog",
        "_clock",
        "_closing",
        "_notification_bytes",
        "_on_progress",
        "_other_bytes",
        "_other_producer",
        "_queue",
        "_registered",
        "_too_slow",
        "_too_slow_timer",
        "_transport",
        "_yielded",
        "ready",
        "receiver",
    )

    def __init__(
        self,
        transport: Any,
        backlog: Backlog,
        clock: IReactorTime,
        on_progress: Callable[[], object],
        too_slow: Callable[[], object],
    ) -> None:
        """
        @param on_progress: called when the client has taken what the transport had for it.
        @param too_slow: called when more waits than may, and can't be dropped.
        """
        self._transport = transport
        self._backlog = backlog
        self._clock = clock
        self._on_progress = on_progress
        self._too_slow = too_slow
        # None while nothing waits, which for most clients is always.
        self._queue: deque[_Message] | None = None
        self._notification_bytes = 0
        self._other_bytes = 0
        self._closing = False
        # Whether this is, or was, registered as the transport's producer.
        self._registered = False
        # A producer of the protocol's own, and whether this has given way to it.
        self._other_producer: tuple[Any, bool] | None = None
        self._yielded = False
        self._too_slow_timer: IDelayedCall | None = None
        self.ready: Any = transport
        self.receiver: Receiver | None = None
        directlyProvides(self, providedBy(transport))

    def start(self) -> None:
        """
        Have the transport say from now on whether it keeps up.

        This is for after the client's first bytes: during its handshake, TLS pauses a producer
        for any bytes that are written.
        """
        if not self._registered:
            self._registered = True
            self._transport.registerProducer(self, True)

    @property
    def direct(self) -> Any:
        """The transport to write past this queue to; L{None} while something waits."""
        return None if self._closing else self.ready

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    # For the broker

    def write(self, data: bytes) -> None:
        """Write what can't be dropped."""
        rest = self._write(data)
        if rest:
            self._enqueue(_Message(rest, None, None, begun=len(rest) < len(data)))

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """Close once all that waits is written."""
        self._closing = True
        if not self._queue:
            self._close()

    def abortConnection(self) -> None:
        """Close at once; what waits is lost."""
        self.clear()
        self._transport.abortConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Give way to a producer of the protocol's own, such as a pager."""
        self._other_producer = (producer, streaming)
        if self.ready is not None:
            self._yield_to_producer()

    def unregisterProducer(self) -> None:
        """That producer is done: be the transport's producer again."""
        self._other_producer = None
        if self._yielded:
            self._yielded = False
            self._transport.unregisterProducer()
            if self._registered and not self._closing:
                self._transport.registerProducer(self, True)

    def _yield_to_producer(self) -> None:
        if self._registered:
            self._transport.unregisterProducer()
        self._yielded = True
        if self._other_producer is not None:
            self._transport.registerProducer(*self._other_producer)

    # For notifications

    def post(
        self, data: bytes, kind: Hashable, dropped: Callable[[], object] | None = None
    ) -> bool:
        """
        Write a notification, or queue it.

        @param kind: is equal for notifications that may replace each other.
        @param dropped: called if the notification is dropped later.
        @return: false if it was dropped at once.
        """
        if self.ready is not None:
            self.write(data)
            return True
        backlog = self._backlog
        match backlog.when_slow:
            case SlowClientPolicy.DROP_NEWEST if (
                self._notification_bytes + len(data) > backlog.hard_bytes
            ):
                return False
            case SlowClientPolicy.KEEP_LAST:
                self._drop(kind)
        self._enqueue(_Message(data, kind, dropped, begun=False))
        if backlog.when_slow is SlowClientPolicy.DROP_OLDEST:
            self._drop_oldest()
        if self._notification_bytes > backlog.hard_bytes:
            self._too_slow()
        return True

    def may_expect_answer(self, unanswered: int) -> bool:
        """
        Whether one more notification may ask for an answer.

        @param unanswered: how many answers are missing.
        """
        if unanswered < self._backlog.unanswered:
            return True
        if self._backlog.when_slow is SlowClientPolicy.END:
            self._too_slow()
        return False

    def clear(self) -> None:
        """Drop all that waits."""
        queue, self._queue = self._queue or (), None
        self._notification_bytes = self._other_bytes = 0
        self._stop_timer()
        for message in queue:
            if message.begun:
                self._enqueue(message)
            elif message.dropped is not None:
                message.dropped()

    # For the transport

    def pauseProducing(self) -> None:
        """The client doesn't keep up."""
        self.ready = None
        # A client that isn't read from can't ask for more answers.
        self._transport.pauseProducing()
        if self.receiver is not None:
            self.receiver.pause_messages()

    def resumeProducing(self) -> None:
        """The client has taken all that was written."""
        self.ready = self._transport
        self._on_progress()
        while self._queue and self.ready is not None:
            message = self._queue.popleft()
            self._count(message, -len(message.data))
            rest = self._write(message.data)
            if rest:
                begun = _Message(rest, None, None, begun=True)
                self._queue.appendleft(begun)
                self._count(begun, len(rest))
        if self._notification_bytes <= self._backlog.soft_bytes:
            self._stop_timer()
        self._start_timer_if_needed()
        if self.ready is None:
            return
        self._queue = None
        if self._other_producer is not None:
            self._yield_to_producer()
        self._transport.resumeProducing()
        if self._closing:
            self._close()
        elif self.receiver is not None:
            self.receiver.resume_messages()

    def stopProducing(self) -> None:
        """The connection is lost."""
        self._queue = None
        self._stop_timer()
        self._other_producer = None

    def _write(self, data: bytes) -> bytes:
        """
        Write as much as the transport has room for.

        A transport resumes its producer only once its buffer is empty.  With a large message in
        one piece, a slow client would look as if it took nothing.

        @return: the rest.
        """
        if self.ready is None:
            return data
        if len(data) <= WRITE_SIZE or not self._registered:
            self.ready.write(data)
            return b""
        at = 0
        while at < len(data) and self.ready is not None:
            self.ready.write(data[at : at + WRITE_SIZE])
            at += WRITE_SIZE
        return data[at:]

    def _close(self) -> None:
        # A transport doesn't close while a producer is registered.
        if self._registered and not self._yielded:
            self._transport.unregisterProducer()
        self._transport.loseConnection()

    def _enqueue(self, message: _Message) -> None:
        if self._queue is None:
            self._queue = deque()
        self._queue.append(message)
        self._count(message, len(message.data))
        self._start_timer_if_needed()

    def _count(self, message: _Message, size: int) -> None:
        if message.kind is None:
            self._other_bytes += size
        else:
            self._notification_bytes += size

    def _start_timer_if_needed(self) -> None:
        backlog = self._backlog
        too_much = self._other_bytes > backlog.hard_bytes or (
            self._notification_bytes > backlog.soft_bytes
            and backlog.when_slow is SlowClientPolicy.END
        )
        if too_much and self._too_slow_timer is None:
            self._too_slow_timer = self._clock.callLater(backlog.soft_seconds, self._too_long)

    def _drop(self, kind: Hashable) -> None:
        for message in self._queue or ():
            if message.kind == kind:
                self._remove(message)
                return

    def _drop_oldest(self) -> None:
        for message in list(self._queue or ())[:-1]:
            if self._notification_bytes <= self._backlog.hard_bytes:
                break
            if message.kind is not None:
                self._remove(message)

    def _remove(self, message: _Message) -> None:
        if self._queue is not None:
            self._queue.remove(message)
            self._count(message, -len(message.data))
        if message.dropped is not None:
            message.dropped()

    def _too_long(self) -> None:
        self._too_slow_timer = None
        self._too_slow()

    def _stop_timer(self) -> None:
        timer, self._too_slow_timer = self._too_slow_timer, None
        if timer is not None and timer.active():
            timer.cancel()
