"""
What waits to be sent to a client that is slow to take it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from zope.interface import directlyProvides, implementer, providedBy

from pbrealm._delivery.backlog import Backlog, SlowClientPolicy

WRITE_SIZE = 64 * 1024
"""Bytes that a transport gets at most before it has said whether it keeps up."""


@dataclass(eq=False)
class _Held:
    """
    One message that waits, or the rest of one that the client has begun to get.

    @ivar kind: tells notifications that are alike; L{None} for what can't be dropped.
    @ivar dropped: called if it's dropped.
    @ivar begun: whether it's such a rest, without which nothing else would be understood.
    """

    __slots__ = ("begun", "data", "dropped", "kind")

    data: bytes
    kind: Hashable
    dropped: Callable[[], object] | None
    begun: bool


@implementer(IPushProducer)
class SendQueue:
    """
    A transport that writes to another as long as that one keeps up, and holds what comes while
    it doesn't.

    @ivar keeping_up: the transport to write to while nothing has to wait, else L{None}.
    """

    __slots__ = (
        "__provides__",
        "_backlog",
        "_clock",
        "_closing",
        "_gave_way",
        "_held",
        "_notified",
        "_other",
        "_owed",
        "_progress",
        "_started",
        "_timer",
        "_too_slow",
        "_transport",
        "keeping_up",
    )

    def __init__(
        self,
        transport: Any,
        backlog: Backlog,
        clock: IReactorTime,
        progress: Callable[[], object],
        too_slow: Callable[[], object],
    ) -> None:
        """
        @param progress: called when the client has taken what the transport had for it.
        @param too_slow: called when more waits than may, and can't be dropped.
        """
        self._transport = transport
        self._backlog = backlog
        self._clock = clock
        self._progress = progress
        self._too_slow = too_slow
        self._held: deque[_Held] | None = None
        self._notified = 0
        self._owed = 0
        self._closing = False
        self._started = False
        self._gave_way = False
        self._other: tuple[Any, bool] | None = None
        self._timer: IDelayedCall | None = None
        self.keeping_up: Any = transport
        directlyProvides(self, providedBy(transport))

    def start(self) -> None:
        """
        Have the transport say from now on whether it keeps up.

        Not before the client has said something: to a transport that is still at its handshake,
        as TLS is, the first words are too much already.
        """
        if not self._started:
            self._started = True
            self._transport.registerProducer(self, True)

    @property
    def direct(self) -> Any:
        """The transport below, while it keeps up; L{None} while something waits."""
        return None if self._closing else self.keeping_up

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    # What the broker does

    def write(self, data: bytes) -> None:
        """Write what can't be dropped."""
        rest = self._write(data)
        if rest:
            self._hold(_Held(rest, None, None, begun=len(rest) < len(data)))

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """Close once all that waits is written."""
        self._closing = True
        if not self._held:
            self._close()

    def abortConnection(self) -> None:
        """Close at once; what waits is lost."""
        self.clear()
        self._transport.abortConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Another has more to write, and is to be asked for it, such as a pager."""
        self._other = (producer, streaming)
        if self.keeping_up is not None:
            self._give_way()

    def unregisterProducer(self) -> None:
        """That one has no more, so the transport is to say again whether it keeps up."""
        self._other = None
        if self._gave_way:
            self._gave_way = False
            self._transport.unregisterProducer()
            if self._started and not self._closing:
                self._transport.registerProducer(self, True)

    def _give_way(self) -> None:
        if self._started:
            self._transport.unregisterProducer()
        self._gave_way = True
        if self._other is not None:
            self._transport.registerProducer(*self._other)

    # What notifications do

    def post(
        self, data: bytes, kind: Hashable, dropped: Callable[[], object] | None = None
    ) -> bool:
        """
        Write a notification, or have it wait.

        @param kind: tells notifications that are alike.
        @param dropped: called if it's dropped while it waits.
        @return: whether it was taken; if not, it was dropped at once.
        """
        if self.keeping_up is not None:
            self.write(data)
            return True
        backlog = self._backlog
        match backlog.when_slow:
            case SlowClientPolicy.DROP_NEWEST if self._notified + len(data) > backlog.hard_bytes:
                return False
            case SlowClientPolicy.KEEP_LAST:
                self._drop(kind)
        self._hold(_Held(data, kind, dropped, begun=False))
        if backlog.when_slow is SlowClientPolicy.DROP_OLDEST:
            self._drop_oldest()
        if self._notified > backlog.hard_bytes:
            self._too_slow()
        return True

    def may_ask(self, unanswered: int) -> bool:
        """
        Whether one more answer may be asked for.

        @param unanswered: how many haven't come.
        """
        if unanswered < self._backlog.unanswered:
            return True
        if self._backlog.when_slow is SlowClientPolicy.END:
            self._too_slow()
        return False

    def clear(self) -> None:
        """Drop all that waits."""
        held, self._held = self._held or (), None
        self._notified = self._owed = 0
        self._stop_timer()
        for message in held:
            if message.begun:
                self._hold(message)
            elif message.dropped is not None:
                message.dropped()

    # What the transport says

    def pauseProducing(self) -> None:
        """The client doesn't keep up."""
        self.keeping_up = None
        # Who isn't read from can't ask for more answers.
        self._transport.pauseProducing()

    def resumeProducing(self) -> None:
        """The client has taken all that was written."""
        self.keeping_up = self._transport
        self._progress()
        while self._held and self.keeping_up is not None:
            message = self._held.popleft()
            self._count(message, -len(message.data))
            rest = self._write(message.data)
            if rest:
                begun = _Held(rest, None, None, begun=True)
                self._held.appendleft(begun)
                self._count(begun, len(rest))
        if self._notified <= self._backlog.soft_bytes:
            self._stop_timer()
        self._watch()
        if self.keeping_up is None:
            return
        self._held = None
        if self._other is not None:
            self._give_way()
        self._transport.resumeProducing()
        if self._closing:
            self._close()

    def stopProducing(self) -> None:
        """The connection is gone."""
        self._held = None
        self._stop_timer()
        self._other = None

    def _write(self, data: bytes) -> bytes:
        """
        Write as much as the transport has room for.

        A transport says that it has room again when it has got rid of everything.  So it gets
        little at a time: else a large message on a slow line would look like no progress at all.

        @return: the rest.
        """
        if self.keeping_up is None:
            return data
        if len(data) <= WRITE_SIZE or not self._started:
            self.keeping_up.write(data)
            return b""
        at = 0
        while at < len(data) and self.keeping_up is not None:
            self.keeping_up.write(data[at : at + WRITE_SIZE])
            at += WRITE_SIZE
        return data[at:]

    def _close(self) -> None:
        # A transport that has somebody to ask for more doesn't close.
        if self._started and not self._gave_way:
            self._transport.unregisterProducer()
        self._transport.loseConnection()

    def _hold(self, message: _Held) -> None:
        if self._held is None:
            self._held = deque()
        self._held.append(message)
        self._count(message, len(message.data))
        self._watch()

    def _count(self, message: _Held, size: int) -> None:
        if message.kind is None:
            self._owed += size
        else:
            self._notified += size

    def _watch(self) -> None:
        backlog = self._backlog
        too_much = self._owed > backlog.hard_bytes or (
            self._notified > backlog.soft_bytes and backlog.when_slow is SlowClientPolicy.END
        )
        if too_much and self._timer is None:
            self._timer = self._clock.callLater(backlog.soft_seconds, self._too_long)

    def _drop(self, kind: Hashable) -> None:
        for message in self._held or ():
            if message.kind == kind:
                self._remove(message)
                return

    def _drop_oldest(self) -> None:
        for message in list(self._held or ())[:-1]:
            if self._notified <= self._backlog.hard_bytes:
                break
            if message.kind is not None:
                self._remove(message)

    def _remove(self, message: _Held) -> None:
        if self._held is not None:
            self._held.remove(message)
            self._count(message, -len(message.data))
        if message.dropped is not None:
            message.dropped()

    def _too_long(self) -> None:
        self._timer = None
        self._too_slow()

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
