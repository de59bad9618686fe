"""
What happens, as server-sent events.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from enum import auto
from typing import Any, Final

from twisted.internet.interfaces import IPushProducer, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.web.iweb import IRequest
from zope.interface import implementer

from pbrealm._transitions import State, Transitions
from pbrealm.admin._operations import Call, Operation, Stream
from pbrealm.admin._problems import Problem

MAX_STREAMS: Final = 50

MAX_EVENTS: Final = 1000
"""How many events a reader may be behind."""

MAX_BYTES: Final = 256 * 1024
"""How many bytes a reader may be behind, besides what the transport and the system hold."""

COMMENT_SECONDS: Final = 15.0
"""Seconds between two comments, by which a reader that is gone is noticed."""

_COMMENT: Final = b": still here\n\n"


class Events:
    """
    Sends events to all who read them.
    """

    def __init__(self, count_sessions: Callable[[], int], clock: IReactorTime) -> None:
        self._count_sessions = count_sessions
        self._readers: set[EventReader] = set()
        self._comments = LoopingCall(self._comment)
        self._comments.clock = clock

    def __len__(self) -> int:
        """How many read them."""
        return len(self._readers)

    def operations(self) -> Sequence[Operation]:
        """The part of the table."""
        return (
            Operation(
                "GET",
                "/api/events",
                "Follow what happens: hello, login, end, refusal, away, return, contention; what "
                "is done here: kick, notify, broadcast, settings, drain; and dropped, the last "
                "event of a reader that is too slow.",
                self._open,
                content_type="text/event-stream",
                responses={200: ("The events, each with data in JSON.", {"type": "string"})},
                problems={503: f"There are {MAX_STREAMS} readers already."},
            ),
        )

    def publish(self, name: str, data: Mapping[str, Any]) -> None:
        """Send an event to all."""
        if self._readers:
            self._send(_encode(name, data))

    def stop(self) -> None:
        """End all streams."""
        for reader in tuple(self._readers):
            reader.close()

    def _open(self, call: Call) -> Stream:
        if len(self._readers) >= MAX_STREAMS:
            raise Problem(503, f"there are {MAX_STREAMS} readers already", Retry_After="60")
        return Stream("text/event-stream", self._add)

    def _add(self, request: IRequest) -> None:
        reader = EventReader(request, self._closed)
        self._readers.add(reader)
        if not self._comments.running:
            self._comments.start(COMMENT_SECONDS, now=False)
        reader.send(_encode("hello", {"sessions": self._count_sessions()}))

    def _closed(self, reader: EventReader) -> None:
        self._readers.discard(reader)
        if not self._readers and self._comments.running:
            self._comments.stop()

    def _comment(self) -> None:
        self._send(_COMMENT)

    def _send(self, event: bytes) -> None:
        for reader in tuple(self._readers):
            reader.send(event)


class _ReaderState(State):
    """Whether a reader takes what it is sent."""

    READY = auto()
    PAUSED = auto()
    CLOSED = auto()


_READER: Final = Transitions(
    {
        _ReaderState.READY: (_ReaderState.PAUSED, _ReaderState.CLOSED),
        _ReaderState.PAUSED: (_ReaderState.READY, _ReaderState.CLOSED),
        _ReaderState.CLOSED: (),
    }
)


@implementer(IPushProducer)
class EventReader:
    """
    One who reads the events.
    """

    def __init__(self, request: Any, closed: Callable[[EventReader], object]) -> None:
        """
        @param closed: called with this once no more can be sent.
        """
        self._request = request
        self._closed = closed
        self._state = _ReaderState.READY
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        request.notifyFinish().addBoth(lambda _: self._become_closed())
        request.registerProducer(self, True)

    def send(self, event: bytes) -> None:
        """Send an event, at once or when the reader has taken what is before it."""
        if self._state is _ReaderState.READY:
            self._request.write(event)
        elif self._state is _ReaderState.PAUSED:
            self._waiting.append(event)
            self._waiting_bytes += len(event)
            if len(self._waiting) > MAX_EVENTS or self._waiting_bytes > MAX_BYTES:
                self._request.write(_encode("dropped", {}))
                self.close()

    def close(self) -> None:
        """End the stream."""
        if self._state is not _ReaderState.CLOSED:
            self._become_closed()
            self._request.unregisterProducer()
            self._request.finish()

    def _become_closed(self) -> None:
        if self._state is not _ReaderState.CLOSED:
            self._state = _READER.to(_ReaderState.CLOSED, self._state)
            self._waiting.clear()
            self._closed(self)

    def pauseProducing(self) -> None:
        if self._state is _ReaderState.READY:
            self._state = _READER.to(_ReaderState.PAUSED, self._state)

    def resumeProducing(self) -> None:
        if self._state is not _ReaderState.PAUSED:
            return
        self._state = _READER.to(_ReaderState.READY, self._state)
        # The transport may pause this again.
        while self._waiting and self._state is _ReaderState.READY:
            event = self._waiting.popleft()
            self._waiting_bytes -= len(event)
            self._request.write(event)

    def stopProducing(self) -> None:
        self._become_closed()


def _encode(name: str, data: Mapping[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode("ascii")
