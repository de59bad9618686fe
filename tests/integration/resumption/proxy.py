"""
A proxy that cuts its connections after so many bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

CLIENT, SERVER = 0, 1


@dataclass(frozen=True)
class Cut:
    """
    Where a connection is cut.

    @ivar to: to which end the bytes are counted: L{CLIENT} or L{SERVER}.
    @ivar count: after how many.
    """

    to: int
    count: int


class Proxy(Factory):
    """
    Passes bytes on, in both directions.

    @ivar cuts: where the next connections are cut, each at the next one.  Further ones aren't.
    """

    noisy = False

    def __init__(self, server: int, cuts: Iterable[Cut]) -> None:
        """
        @param server: the port of the server.
        """
        self._server = TCP4ClientEndpoint(reactor, "127.0.0.1", server)
        self.cuts = deque(cuts)

    def buildProtocol(self, addr: object) -> Protocol:
        cut = self.cuts.popleft() if self.cuts else None
        return _Connection(self._server, cut).ends[CLIENT]


class _Connection:
    def __init__(self, server: TCP4ClientEndpoint, cut: Cut | None) -> None:
        self.ends = _End(self, CLIENT), _End(self, SERVER)
        self._server = server
        self._cut = cut
        self._left = float("inf") if cut is None else cut.count
        # What has come from the client before there is a connection to the server.
        self._early: list[bytes] = []

    def made(self, at: int) -> None:
        if at == CLIENT:
            other: Any = Factory.forProtocol(lambda: self.ends[SERVER])
            other.noisy = False
            self._server.connect(other).addErrback(lambda _: self._lose())
        else:
            early, self._early = self._early, []
            for data in early:
                self.came(CLIENT, data)

    def came(self, at: int, data: bytes) -> None:
        to = 1 - at
        if self.ends[to].transport is None:
            self._early.append(data)
            return
        if self._cut is not None and self._cut.to == to:
            data = data[: int(self._left)]
            self._left -= len(data)
        self.ends[to].transport.write(data)
        if not self._left:
            # What is cut after these bytes has them all, so it gets no reset.
            self.ends[to].transport.loseConnection()
            self.ends[at].transport.abortConnection()

    def lost(self, at: int) -> None:
        self._lose()

    def _lose(self) -> None:
        for end in self.ends:
            if end.transport is not None:
                end.transport.loseConnection()


class _End(Protocol):
    """
    The proxy's connection with one end.
    """

    transport: Any = None

    def __init__(self, connection: _Connection, which: int) -> None:
        self._connection = connection
        self._which = which

    def connectionMade(self) -> None:
        self._connection.made(self._which)

    def dataReceived(self, data: bytes) -> None:
        self._connection.came(self._which, data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._connection.lost(self._which)
