"""
What waits to be sent to a client that is slow to take it.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from zope.interface import implementer


class WhenSlow(enum.Enum):
    """What becomes of notifications that a client is too slow for."""

    END = "end"
    """The session ends, for the reason "too slow"."""

    DROP_NEWEST = "drop newest"
    """What waits, waits; what comes is dropped."""

    DROP_OLDEST = "drop oldest"
    """What comes waits; what has waited longest is dropped."""

    KEEP_LAST = "keep last"
    """Of each method, only the last call waits: for what says how things are, not what happens."""


@dataclass(frozen=True)
class Backlog:
    """
    How much may wait for a client: so much for a time, so much at once.

    What the kernel and the transport hold, together a few hundred KB, isn't counted.  Answers to
    the client's own calls are counted and never dropped; a client to whom something waits to be
    sent isn't listened to meanwhile, so it can't ask for more of them.
    """

    soft_bytes: int = 1024 * 1024
    """Bytes that may wait for no longer than L{soft_seconds}."""

    soft_seconds: float = 10
    """Seconds that more than L{soft_bytes} may wait."""

    hard_bytes: int = 8 * 1024 * 1024
    """Bytes that may wait at all."""

    unanswered: int = 1000
    """Notifications that may be without their answer."""

    when_slow: WhenSlow = WhenSlow.END
    """What happens beyond that.  Where it's to drop, L{soft_bytes} has no meaning."""

    def __post_init__(self) -> None:
        for name in ("soft_bytes", "soft_seconds", "hard_bytes", "unanswered"):
            number = getattr(self, name)
            if isinstance(number, bool) or not isinstance(number, (int, float)) or not number > 0:
                raise ValueError(f"{name} must be a positive number, not {number!r}")
        if self.soft_bytes > self.hard_bytes:
            raise ValueError("soft_bytes must not be more than hard_bytes")
        if not isinstance(self.when_slow, WhenSlow):
            raise ValueError(f"when_slow must be one of WhenSlow, not {self.when_slow!r}")


@dataclass(eq=False)
class _Held:
    """
    One message that waits.

    @ivar kind: of a notification, its method; L{None} for what can't be dropped.
    @ivar dropped: called if it's dropped.
    """

    __slots__ = ("data", "dropped", "kind")

    data: bytes
    kind: bytes | None
    dropped: Callable[[], object] | None


@implementer(IPushProducer)
class Outbox:
    """
    A transport that writes to another as long as that one keeps up, and holds what comes while
    it doesn't.

    @ivar keeping_up: the transport to write to while nothing has to wait, else L{None}.
    """

    __slots__ = (
        "_backlog",
        "_clock",
        "_closing",
        "_held",
        "_held_bytes",
        "_progress",
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
        self._held_bytes = 0
        self._closing = False
        self._timer: IDelayedCall | None = None
        self.keeping_up: Any = transport
        transport.registerProducer(self, True)

    @property
    def direct(self) -> Any:
        """The transport below, while it keeps up; L{None} while something waits."""
        return None if self._congested or self._closing else self._transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    # What the broker does

    def write(self, data: bytes) -> None:
        """Write what can't be dropped."""
        if self.keeping_up is not None:
            self.keeping_up.write(data)
        elif self._hold(_Held(data, None, None)) > self._backlog.hard_bytes:
            self._too_slow()

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
        """Another is to be asked for more when there is room, such as a pager."""
        self._transport.unregisterProducer()
        self._transport.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        self._transport.unregisterProducer()
        if not self._closing:
            self._transport.registerProducer(self, True)

    # What notifications do

    def post(self, data: bytes, kind: bytes, dropped: Callable[[], object] | None = None) -> bool:
        """
        Write a notification, or have it wait.

        @param kind: its method.
        @param dropped: called if it's dropped while it waits.
        @return: whether it was taken; if not, it was dropped at once.
        """
        if self.keeping_up is not None:
            self.keeping_up.write(data)
            return True
        backlog = self._backlog
        match backlog.when_slow:
            case WhenSlow.DROP_NEWEST if self._held_bytes + len(data) > backlog.hard_bytes:
                return False
            case WhenSlow.KEEP_LAST:
                self._drop(kind)
        held_bytes = self._hold(_Held(data, kind, dropped))
        if held_bytes > backlog.hard_bytes and backlog.when_slow is WhenSlow.DROP_OLDEST:
            held_bytes = self._drop_oldest()
        if held_bytes > backlog.hard_bytes:
            self._too_slow()
        return True

    def may_ask(self, unanswered: int) -> bool:
        """
        Whether one more answer may be asked for.

        @param unanswered: how many haven't come.
        """
        if unanswered < self._backlog.unanswered:
            return True
        if self._backlog.when_slow is WhenSlow.END:
            self._too_slow()
        return False

    def clear(self) -> None:
        """Drop all that waits."""
        held, self._held, self._held_bytes = self._held, None, 0
        self._stop_timer()
        for message in held or ():
            if message.dropped is not None:
                message.dropped()

    # What the transport says

    def pauseProducing(self) -> None:
        """The client doesn't keep up."""
        self.keeping_up = None
        self._transport.pauseProducing()

    def resumeProducing(self) -> None:
        """The client has taken all that was written."""
        self.keeping_up = self._transport
        self._progress()
        while self._held and self.keeping_up is not None:
            message = self._held.popleft()
            self._held_bytes -= len(message.data)
            self._transport.write(message.data)
        if self._held_bytes <= self._backlog.soft_bytes:
            self._stop_timer()
        if self.keeping_up is None:
            return
        self._held = None
        self._transport.resumeProducing()
        if self._closing:
            self._close()

    def stopProducing(self) -> None:
        """The connection is gone."""
        self.clear()

    def _close(self) -> None:
        # A transport that has somebody to ask for more doesn't close.
        self._transport.unregisterProducer()
        self._transport.loseConnection()

    def _hold(self, message: _Held) -> int:
        if self._held is None:
            self._held = deque()
        self._held.append(message)
        self._held_bytes += len(message.data)
        backlog = self._backlog
        if (
            self._held_bytes > backlog.soft_bytes
            and self._timer is None
            and backlog.when_slow is WhenSlow.END
        ):
            self._timer = self._clock.callLater(backlog.soft_seconds, self._too_long)
        return self._held_bytes

    def _drop(self, kind: bytes) -> None:
        for message in self._held or ():
            if message.kind == kind:
                self._remove(message)
                return

    def _drop_oldest(self) -> int:
        for message in list(self._held or ())[:-1]:
            if self._held_bytes <= self._backlog.hard_bytes:
                break
            if message.kind is not None:
                self._remove(message)
        return self._held_bytes

    def _remove(self, message: _Held) -> None:
        if self._held is not None:
            self._held.remove(message)
            self._held_bytes -= len(message.data)
        if message.dropped is not None:
            message.dropped()

    def _too_long(self) -> None:
        self._timer = None
        self._too_slow()

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
