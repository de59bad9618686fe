"""
The web site, with bounds on what those who connect may cost.
"""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import (
    IAddress,
    IProtocolFactory,
    IReactorTime,
    IUNIXTransport,
)
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import IResource
from twisted.web.server import Request, Site
from zope.interface import implementer_only

from pbrealm.admin._pace import Pace
from pbrealm.admin._problems import PROBLEM_TYPE, Problem

MAX_BODY: Final = 64 * 1024
"""Bytes of a request's body."""

REQUEST_SECONDS: Final = 10
"""
How long a whole request may take to come, from the connection or the last response; so also how
long a connection may be idle.  A client that doesn't take its last response has as long.
"""

CLOSE_SECONDS: Final = 1
"""How long a client has to take its last response when the service stops."""

MAX_CONNECTIONS: Final = 100

STRANGERS_MAX_PAUSE: Final = 0.1
"""
Seconds that the next answer to those who have yet to show that they may ask waits at most.  Such
answers take little time, and health checks are among them.
"""

_LENGTH_DIGITS: Final = 18

HEADERS: Final = (
    (
        b"Content-Security-Policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"X-Content-Type-Options", b"nosniff"),
    (b"Referrer-Policy", b"no-referrer"),
    (b"Cache-Control", b"no-store"),
    (b"Cross-Origin-Resource-Policy", b"same-origin"),
)
"""What each response has."""


class AdminRequest(Request):
    """
    A request whose body is in memory, and bounded.
    """

    channel: AdminChannel
    content: Any
    defaultContentType = None

    def gotLength(self, length: int | None) -> None:
        if length is not None and length > MAX_BODY:
            self.channel.refuse(_too_large())
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        if self.content.tell() + len(data) > MAX_BODY:
            self.channel.refuse(_too_large())
        else:
            super().handleContentChunk(data)

    def process(self) -> None:
        for name, value in HEADERS:
            self.setHeader(name, value)
        if self.path == b"*":
            # Twisted would answer by itself.
            self.path = b"/*"
        super().process()


class AdminChannel(HTTPChannel):
    """
    A connection, whose client has a bounded time for each request.
    """

    maxHeaders = 100
    # What comes while a request is answered waits in the socket.
    _optimisticEagerReadSize = 0
    totalHeadersSize = 16 * 1024
    factory: AdminSite
    transport: Any

    def __init__(self) -> None:
        super().__init__()
        self._refused = False

    def makeConnection(self, transport: Any) -> None:
        if IUNIXTransport.providedBy(transport):
            # It has no such option.  Twisted sets it all the same, and before 24.11 that failed.
            vars(transport)["setTcpNoDelay"] = lambda enabled: None
        super().makeConnection(transport)

    def refuse(self, problem: Problem) -> None:
        """Answer a request that isn't complete yet, and close the connection."""
        if self._refused:
            return
        self._refused = True
        body = json.dumps(problem.details()).encode("ascii")
        title: str = problem.details()["title"]
        lines = [
            f"HTTP/1.1 {problem.status} {title}".encode("ascii"),
            *(name + b": " + value for name, value in HEADERS),
            b"Content-Type: " + PROBLEM_TYPE,
            b"Content-Length: %d" % len(body),
            b"Connection: close",
            b"",
            body,
        ]
        self.transport.write(b"\r\n".join(lines))
        self.loseConnection()

    def _respondToBadRequestAndDisconnect(self) -> None:
        self.refuse(Problem(400, "this isn't HTTP as it should be, or the headers are too long"))

    def lineLengthExceeded(self, line: bytes) -> None:
        self._respondToBadRequestAndDisconnect()

    @property
    def pace(self) -> Pace:
        """At what pace its requests are answered."""
        return self.factory.pace_of(self)

    def dataReceived(self, data: bytes) -> None:
        if not self._refused:
            begun = self.factory.clock.seconds()
            super().dataReceived(data)
            self.pace.charge(self.factory.clock.seconds() - begun)

    def resetTimeout(self) -> None:
        # Not with each byte: a whole request has its time.
        pass

    def headerReceived(self, line: bytes) -> bool:
        name, _, value = line.partition(b":")
        match name.strip().lower():
            case b"content-length" if len(value.strip()) > _LENGTH_DIGITS:
                self.refuse(_too_large())
                return False
            case b"transfer-encoding":
                # Each chunk takes time, and chunks may be of one byte.
                self.refuse(Problem(411, "a body must have a Content-Length"))
                return False
        received: bool = super().headerReceived(line)
        return received

    def _send100Continue(self) -> None:
        if not self._refused:
            super()._send100Continue()

    def allContentReceived(self) -> None:
        if not self._refused:
            super().allContentReceived()

    def requestDone(self, request: Any) -> None:
        super().requestDone(request)
        if not self.persistent:
            self.setTimeout(REQUEST_SECONDS)

    def admit(self) -> None:
        """The client has shown that it may ask."""
        self.factory.admit(self)

    def close(self) -> None:
        """Close the connection when it has sent what was written, or after some seconds."""
        self.setTimeout(CLOSE_SECONDS)
        if not self.transport.disconnecting:
            self.loseConnection()

    def timeoutConnection(self) -> None:
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        super().connectionLost(reason)
        self.factory.lost(self)


class _Refusal(Protocol):
    """
    A connection that there is no room for.
    """

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.abortConnection()


# It negotiates no protocols within TLS: there is one.
@implementer_only(IProtocolFactory)
class AdminSite(Site):
    """
    Serves a resource to a bounded number of connections.  If there is no room for another one, it
    gets the place of the oldest whose client has yet to show that it may ask.
    """

    protocol = AdminChannel  # type: ignore[assignment]  # no HTTP/2
    noisy = False

    def __init__(self, resource: IResource, reactor: IReactorTime) -> None:
        super().__init__(
            resource, requestFactory=AdminRequest, timeout=REQUEST_SECONDS, reactor=reactor
        )
        self.clock = reactor
        # Those who may not ask can't take the time of those who may.
        self._pace = Pace(reactor)
        self._strangers_pace = Pace(reactor, STRANGERS_MAX_PAUSE)
        # Bodies are JSON.  Older versions of Twisted don't ask.
        self._parsePOSTFormSubmission = False
        self._connections: set[AdminChannel] = set()
        # Those whose clients have yet to show that they may ask, oldest first.
        self._strangers: dict[AdminChannel, None] = {}
        self._closing: Deferred[None] | None = None

    def buildProtocol(self, addr: IAddress | None) -> Any:
        if len(self._connections) >= MAX_CONNECTIONS and self._strangers:
            oldest = next(iter(self._strangers))
            self._forget(oldest)
            oldest.transport.abortConnection()
        if len(self._connections) >= MAX_CONNECTIONS:
            # Not None: within TLS, Twisted would go on with the connection all the same.
            return _Refusal()
        channel: Any = super().buildProtocol(addr)
        self._connections.add(channel)
        self._strangers[channel] = None
        return channel

    def admit(self, channel: AdminChannel) -> None:
        """A client has shown that it may ask: its connection keeps its place."""
        self._strangers.pop(channel, None)

    def pace_of(self, channel: AdminChannel) -> Pace:
        """At what pace the requests of a connection are answered."""
        return self._strangers_pace if channel in self._strangers else self._pace

    def _forget(self, channel: AdminChannel) -> None:
        self._connections.discard(channel)
        self._strangers.pop(channel, None)

    def lost(self, channel: AdminChannel) -> None:
        """A connection is lost."""
        self._forget(channel)
        if self._closing is not None and not self._connections:
            closing, self._closing = self._closing, None
            closing.callback(None)

    def close(self) -> Deferred[None]:
        """
        Close all connections, each when it has sent what was written, or after some seconds.

        @return: fires when that is done.
        """
        if not self._connections:
            return succeed(None)
        self._closing = Deferred()
        for channel in tuple(self._connections):
            channel.close()
        return self._closing

    # There is no access log: the journal has what is done, and who does it.

    def startFactory(self) -> None:
        pass

    def stopFactory(self) -> None:
        pass

    def log(self, request: Any) -> None:
        pass


def _too_large() -> Problem:
    return Problem(413, f"the body must have {MAX_BODY} bytes at most")
