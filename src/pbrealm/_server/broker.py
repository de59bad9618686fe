"""
The server's broker.
"""

from __future__ import annotations

from collections.abc import Hashable
from inspect import getmro
from typing import Any

from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.python.reflect import qual
from twisted.spread import pb

from pbrealm._delivery.queued_broker import QueuedBroker
from pbrealm._server.client_connection import ClientConnection
from pbrealm._server.unauthenticated import UnauthenticatedReferenceable

_ANSWERS = (b"answer", b"error")


class ServerBroker(QueuedBroker):
    """
    A broker that keeps its client to the limits of the server.

    It tells its L{ClientConnection} of all that comes in.  Whatever comes in, C{dataReceived}
    doesn't raise.

    @ivar client: set before the connection is made.
    """

    client: ClientConnection
    factory: Any

    def makeConnection(self, transport: Any) -> None:
        self.send_queue = self.client.make_send_queue(transport)
        super().makeConnection(self.send_queue)

    def connectionMade(self) -> None:
        super().connectionMade()
        self.client.connected()

    def localObjectForID(self, luid: Any) -> Any:
        """
        Look up an object that the client calls, or passes back.

        @raise PBRealmError: if the client may not call it, or not any longer.
        """
        try:
            found = super().localObjectForID(luid)
        except TypeError:
            # The client may send anything as an id, also what isn't hashable.
            return None
        # A session checks for itself whether it may be called.
        if found is not None and not isinstance(
            found, (UnauthenticatedReferenceable, pb.AsReferenceable)
        ):
            self.client.check_may_call()
        return found

    def cachedLocallyAs(self, cid: Any) -> Any:
        """
        Look up a L{pb.RemoteCache} that the client calls.

        @raise pb.Error: if there is none: the client gets that, and the log doesn't.
        """
        if not isinstance(cid, Hashable) or cid not in self.locallyCachedObjects:
            raise pb.Error("Invalid Object ID")
        return super().cachedLocallyAs(cid)

    def expressionReceived(self, sexp: Any) -> None:
        client = self.client
        if not client.authenticated and not (
            isinstance(sexp, list) and sexp and sexp[0] in _ANSWERS
        ):
            client.received_message()
        super().expressionReceived(sexp)

    def _sendError(self, fail: Any, requestID: Any) -> None:
        if self.disconnected:
            return
        if isinstance(fail, Failure) and not isinstance(fail.value, Exception):
            # Of what isn't an Exception, a Failure's parents are the class itself instead of
            # names, and no client would decode that.
            fail.parents = [qual(each) for each in getmro(type(fail.value))]
        super()._sendError(fail, requestID)

    def dataReceived(self, chunk: bytes) -> None:
        """Handle what the client sends; if that isn't valid, abort the connection."""
        try:
            self.send_queue.start()
            self.client.received(len(chunk))
            super().dataReceived(chunk)
        except Exception as why:
            self.client.misbehaved(why)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.client.disconnected()
        super().connectionLost(reason)
        # Something may refer to this broker for long; the unfinished message isn't needed.
        self.buffer = b""
