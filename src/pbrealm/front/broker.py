"""
The broker at the front door.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm.front.strangers import ForStrangers
from pbrealm.front.visitor import Visitor
from pbrealm.wire.broker import FastBroker
from pbrealm.wire.outbox import Outbox

_ANSWERS = (b"answer", b"error")


class FrontBroker(FastBroker):
    """
    A broker that tells its visitor of all that comes in, and lets nothing that comes in raise.
    """

    visitor: Visitor
    outbox: Outbox

    def makeConnection(self, transport: Any) -> None:
        self.outbox = self.visitor.outbox_for(transport)
        super().makeConnection(self.outbox)

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
        if found is not None and not isinstance(found, (ForStrangers, pb.AsReferenceable)):
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
            self.outbox.start()
            self.visitor.heard(len(chunk))
            super().dataReceived(chunk)
        except Exception as why:
            self.visitor.misbehaved(why)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.visitor.left()
        super().connectionLost(reason)
        # Whatever still refers to this broker needs no unfinished message.
        self.buffer = b""
