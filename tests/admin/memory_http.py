"""
A client of HTTP in memory, which sends bytes to a site as they are.
"""

from __future__ import annotations

import json
from http.client import HTTPResponse
from io import BytesIO
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IAddress
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

PEER = IPv4Address("TCP", "127.0.0.1", 4444)
HOST = IPv4Address("TCP", "127.0.0.1", 8788)


class MemoryHTTP:
    """
    One connection to a site.
    """

    def __init__(self, site: Any, clock: Clock, peer: IAddress = PEER) -> None:
        self.clock = clock
        self.channel = site.buildProtocol(peer)
        self.transport = StringTransport(hostAddress=HOST, peerAddress=peer)
        self.channel.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        """Send bytes, and let the server work on them."""
        self.channel.dataReceived(data)
        self.turn()

    def turn(self) -> None:
        """Let the server do what it can without waiting."""
        for _ in range(100):
            self.clock.advance(0)

    def received(self) -> bytes:
        """The bytes that have come since this was called last."""
        data: bytes = self.transport.value()
        self.transport.clear()
        return data

    def response(self, method: str = "GET") -> Response:
        """Take what has come for one response to a request of a method."""
        return Response(self.received(), method)

    def ask_only(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        data: bytes | None = None,
        **headers: str,
    ) -> None:
        """
        Send a request.

        @param body: is sent as JSON.
        @param headers: their names with underscores in place of hyphens.
        """
        if body is not None:
            data = json.dumps(body).encode("utf-8")
        sent = {"Host": "localhost"}
        if data is not None:
            sent |= {"Content-Type": "application/json", "Content-Length": str(len(data))}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in sent.items()), "", ""]
        self.send("\r\n".join(lines).encode("latin-1") + (data or b""))

    def ask(self, method: str, path: str, body: object = None, **kw: Any) -> Response:
        """Send a request as L{ask_only} does, and take its response."""
        self.ask_only(method, path, body, **kw)
        return self.response(method)

    @property
    def closed(self) -> bool:
        """Whether the server has closed the connection."""
        return bool(self.transport.disconnecting)

    def lose(self) -> None:
        """Close the connection from this side."""
        from twisted.internet.error import ConnectionDone
        from twisted.python.failure import Failure

        self.channel.connectionLost(Failure(ConnectionDone()))


class Response:
    """
    A response, parsed by the standard library.
    """

    def __init__(self, data: bytes, method: str) -> None:
        parsed = HTTPResponse(_Socket(data), method=method)  # type: ignore[arg-type]
        parsed.begin()
        self.status = parsed.status
        self.headers = parsed.headers
        self.body = parsed.read()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class _Socket:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> BytesIO:
        return BytesIO(self._data)
