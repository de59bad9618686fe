"""
The send queue: what waits to be sent to a client that is slow to take it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from zope.interface import implementer, providedBy
from zope.interface.declarations import Provides

from pbrealm._delivery.backlog import Backlog, SlowClientPolicy
from pbrealm._delivery.unanswered import Unanswered
from pbrealm._delivery.waiting_messages import Message, WaitingMessages

_Transport = TypeVar("_Transport", bound=Any)

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


@lru_cache(maxsize=64)
def _provides(interfaces: Any) -> Any:
    """What C{directlyProvides} sets, which takes several times as long to find it."""
    return Provides(SendQueue, interfaces)


@implementer(IPushProducer)
class SendQueue:
    """
    A transport in front of another: it passes on what is written as long as the other keeps up,
    and queues it otherwise.

    It is the producer of the other transport, by which it learns whether that keeps up.

    @ivar ready: the other transport while it keeps up, else L{None}.
    @ivar bytes_written: how many bytes were written to it.
    @ivar receiver: is paused while the client doesn't keep up; L{None} if there is none.
    @ivar reading_held: whether L{hold_reading} holds, too.
    """

    __slots__ = (
        "__provides__",
        "_backlog",
        "_clock",
        "_closing",
        "_on_progress",
        "_other_producer",
        "_registered",
        "_resuming",
        "_too_slow",
        "_too_slow_timer",
        "_transport",
        "_unanswered",
        "_waiting",
        "_yielded",
        "bytes_written",
        "reading_held",
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
        self._waiting: WaitingMessages | None = None
        self._closing = False
        # While many answers are missing.
        self._unanswered: Unanswered | None = None
        # Whether this is, or was, registered as the transport's producer.
        self._registered = False
        # A producer of the protocol's own, and whether this has given way to it.
        self._other_producer: tuple[Any, bool] | None = None
        self._yielded = False
        self._too_slow_timer: IDelayedCall | None = None
        self.ready: Any = transport
        self.bytes_written = 0
        self.receiver: Receiver | None = None
        self.reading_held = False
        # Ends what L{hold_reading} has begun.
        self._resuming: IDelayedCall | None = None
        self.__provides__ = _provides(providedBy(transport))

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
    def is_at_rest(self) -> bool:
        """Whether nothing waits, and nobody else produces."""
        return self.ready is not None and not (
            self._waiting or self._other_producer or self._yielded or self._closing
        )

    @property
    def waiting_bytes(self) -> int:
        """How much waits."""
        return 0 if self._waiting is None else self._waiting.size

    def put_below(self, wrap: Callable[[Any], _Transport]) -> _Transport:
        """
        Put something between this queue, which L{is_at_rest}, and the transport.

        @param wrap: makes it, of the transport.
        """
        if self._registered:
            self._transport.unregisterProducer()
        transport = wrap(self._transport)
        self._transport = self.ready = transport
        if self._registered:
            transport.registerProducer(self, True)
        return transport

    def release_transport(self) -> Any:
        """Let go of the transport of this queue, which L{is_at_rest}."""
        if self._registered:
            self._registered = False
            self._transport.unregisterProducer()
        # What is still written goes nowhere.
        self._closing = True
        self.ready = None
        return self._transport

    @property
    def direct(self) -> Any:
        """The transport to write past this queue to; L{None} while something waits."""
        return None if self._closing else self.ready

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    # For the broker

    def write(self, data: bytes) -> None:
        """Write what can't be dropped; notifications that wait may have to make room for it."""
        rest = self._write(data)
        if rest:
            waiting = self._add(Message(rest, None, None, begun=len(rest) < len(data)))
            if waiting.is_over():
                waiting.make_room()
                if waiting.is_over():
                    self._too_slow()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """Close once all that waits is written."""
        self._closing = True
        if not self._waiting:
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
        when_slow, waiting = self._backlog.when_slow, self._some_waiting()
        if when_slow is SlowClientPolicy.DROP_NEWEST and waiting.is_over(len(data)):
            return False
        waiting.replace(Message(data, kind, dropped, begun=False))
        self._start_timer_if_needed(waiting)
        if when_slow is SlowClientPolicy.DROP_OLDEST:
            waiting.make_room(keep=1)
        if waiting.is_over():
            self._too_slow()
        return True

    def may_expect_answer(self, waiting: dict[int, Any]) -> bool:
        """
        Whether one more notification may ask for an answer.

        @param waiting: what waits for answers, by request ids in the order of the requests.
        """
        if len(waiting) < self._backlog.unanswered:
            self._unanswered = None
            return True
        if self._unanswered is None:
            self._unanswered = Unanswered(self._backlog, self._clock)
        if self._unanswered.may_become_more(waiting):
            return True
        if self._backlog.when_slow is SlowClientPolicy.END:
            self._too_slow()
        return False

    def drops_oldest(self, size: int) -> bool:
        """
        Whether what has waited longest is to be dropped, rather than that so many bytes wait
        before they are written to this queue.
        """
        # The kinds of what isn't written yet aren't known.
        return size > self._backlog.hard_bytes and self._backlog.when_slow in (
            SlowClientPolicy.DROP_OLDEST,
            SlowClientPolicy.KEEP_LAST,
        )

    def may_wait(self, size: int, *, droppable: bool) -> bool:
        """
        Whether so many bytes may wait before they are written to this queue.

        The client is too slow if they may not, and the last of them isn't dropped instead.

        @param droppable: whether that may be dropped.
        """
        if size <= self._backlog.hard_bytes:
            return True
        if not droppable or self._backlog.when_slow is SlowClientPolicy.END:
            self._too_slow()
        return False

    def clear(self) -> None:
        """Drop all that waits."""
        waiting, self._waiting = self._waiting, None
        self._stop_timer()
        for message in waiting or ():
            if message.begun:
                self._add(message)
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
        while (waiting := self._waiting) and self.ready is not None:
            number, data = waiting.take_first()
            rest = self._write(data)
            if rest:
                waiting.put_back(number, rest)
        if waiting is None or waiting.are_few_notifications:
            self._stop_timer()
        if waiting is not None:
            self._start_timer_if_needed(waiting)
        if self.ready is None:
            return
        self._waiting = None
        if self._other_producer is not None:
            self._yield_to_producer()
        if not self.reading_held:
            self._transport.resumeProducing()
        if self._closing:
            self._close()
        elif self.receiver is not None and not self.reading_held:
            self.receiver.resume_messages()

    # For the receiver

    def hold_reading(self) -> None:
        """Read nothing from the client, and handle none of its messages."""
        if self._resuming is not None:
            self._resuming.cancel()
            self._resuming = None
        if self.reading_held:
            return
        self.reading_held = True
        self._transport.pauseProducing()
        if self.receiver is not None:
            self.receiver.pause_messages()

    def release_reading(self) -> None:
        """Read again from the reactor's next turn on, if the client keeps up."""
        if self._resuming is None:
            self._resuming = self._clock.callLater(0, self._resume_reading)

    def _resume_reading(self) -> None:
        self._resuming = None
        self.reading_held = False
        if self.ready is not None and not self._waiting:
            self._transport.resumeProducing()
            if self.receiver is not None and not self._closing:
                self.receiver.resume_messages()

    def stopProducing(self) -> None:
        """The connection is lost."""
        self._waiting = None
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
            self.bytes_written += len(data)
            return b""
        at = 0
        while at < len(data) and self.ready is not None:
            self.ready.write(data[at : at + WRITE_SIZE])
            at += WRITE_SIZE
        self.bytes_written += min(at, len(data))
        return data[at:]

    def _close(self) -> None:
        # A transport doesn't close while a producer is registered.
        if self._registered and not self._yielded:
            self._transport.unregisterProducer()
        self._transport.loseConnection()

    def _some_waiting(self) -> WaitingMessages:
        if self._waiting is None:
            self._waiting = WaitingMessages(self._backlog)
        return self._waiting

    def _add(self, message: Message) -> WaitingMessages:
        waiting = self._some_waiting()
        waiting.add(message)
        self._start_timer_if_needed(waiting)
        return waiting

    def _start_timer_if_needed(self, waiting: WaitingMessages) -> None:
        if waiting.may_not_wait_long and self._too_slow_timer is None:
            seconds = self._backlog.soft_seconds
            self._too_slow_timer = self._clock.callLater(seconds, self._too_long)

    def _too_long(self) -> None:
        self._too_slow_timer = None
        self._too_slow()

    def _stop_timer(self) -> None:
        timer, self._too_slow_timer = self._too_slow_timer, None
        if timer is not None and timer.active():
            timer.cancel()
