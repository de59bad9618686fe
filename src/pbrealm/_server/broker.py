"""
The broker at the front door.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm._delivery.send_queue import SendQueue
from pbrealm._server.client_connection import ClientConnection
from pbrealm._server.unauthenticated import UnauthenticatedReferenceable
from pbrealm._wire.broker import FastBroker

_ANSWERS = (b"answer", b"error")


class ServerBroker(FastBroker):
    """
    A broker that tells its visitor of all that comes in, and lets nothing that comes in raise.
    """

    visitor: ClientConnection
    send_queue: SendQueue

    def makeConnection(self, transport: Any) -> None:
        self.send_queue = self.visitor.make_send_queue(transport)
        super().makeConnection(self.send_queue)

    def connectionMade(self) -> None:
        super().connectionMade()
        self.visitor.arrived(self)

    def localObjectForID(self, luid: Any) -> Any:
        """
        What the client calls, or passes back.

        @raise PBRealmError: if it's not, or no longer, the client's to call.
        """
        try:
            found = super().localObjectForID(luid)
        except TypeError:
            # It may send whatever it likes for an id.
            return None
        # The reference to a session speaks for itself.
        if found is not None and not isinstance(
            found, (UnauthenticatedReferenceable, pb.AsReferenceable)
        ):
            self.visitor.check_call()
        return found

    def cachedLocallyAs(self, cid: Any) -> Any:
        """
        What this end caches for the client.

        @raise pb.Error: if it's nothing, which is told to the client and not to the log.
        """
        if not isinstance(cid, Hashable) or cid not in self.locallyCachedObjects:
            raise pb.Error("Invalid Object ID")
        return super().cachedLocallyAs(cid)

    def expressionReceived(self, sexp: Any) -> None:
        """
        Evaluate a message.
        """
        visitor = self.visitor
        if not visitor.alive and not (isinstance(sexp, list) and sexp and sexp[0] in _ANSWERS):
            visitor.understood()
        super().expressionReceived(sexp)

    def _sendError(self, fail: Any, requestID: Any) -> None:
        if not self.disconnected:
            super()._sendError(fail, requestID)

    def dataReceived(self, chunk: bytes) -> None:
        """
        Take in what the client sends; what isn't Perspective Broker ends the connection.
        """
        try:
            self.send_queue.start()
            self.visitor.heard(len(chunk))
            super().dataReceived(chunk)
        except Exception as why:
            self.visitor.misbehaved(why)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.visitor.left()
        super().connectionLost(reason)
        # Whatever still refers to this broker needs no unfinished message.
        self.buffer = b""
