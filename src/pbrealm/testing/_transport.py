"""
Transports in memory.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.test.iosim import FakeTransport

_BUFFER_SIZE = 64 * 1024
"""Bytes that a transport buffers before it pauses its producer, as Twisted's do."""


class MemoryTransport(FakeTransport):
    """
    One end of a connection in memory.

    Unlike its base it has producers, can be paused, and can be aborted with all that is buffered.

    @ivar lost: whether the connection is lost at this end.
    @ivar deaf: whether this end reads nothing.
    """

    def __init__(
        self, protocol: Protocol, is_server: bool, clock: Clock, peer: IPv4Address
    ) -> None:
        super().__init__(protocol, is_server, peerAddress=peer)
        self._clock = clock
        self.lost = False
        self.paused = False
        self.deaf = False
        self._buffered = 0

    def write(self, data: bytes) -> None:
        super().write(data)
        self._buffered += len(data)
        if self._buffered > _BUFFER_SIZE and self.producer is not None:
            self.paused = True
            self.producer.pauseProducing()

    def getOutBuffer(self) -> Any:
        data = super().getOutBuffer()
        self._buffered = 0
        if data and self.paused:
            self.paused = False
            if self.producer is not None:
                self.producer.resumeProducing()
        return data

    def pauseProducing(self) -> None:
        self.deaf = True

    def resumeProducing(self) -> None:
        self.deaf = False

    def abortConnection(self) -> None:
        self.stream.clear()
        self.disconnecting = True
        self._clock.callLater(0, self.lose, ConnectionAborted())

    def lose(self, why: Exception) -> None:
        """Lose the connection at this end."""
        if not self.lost:
            self.lost = self.disconnecting = True
            self.protocol.connectionLost(Failure(why))
