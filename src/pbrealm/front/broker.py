"""
The broker at the front door.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm.front.strangers import ForStrangers
from pbrealm.front.visitor import Visitor
from pbrealm.wire.broker import FastBroker
from pbrealm.wire.outbox import Outbox


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
        found = super().localObjectForID(luid)
        # The reference to a session speaks for itself.
        if found is not None and not isinstance(found, (ForStrangers, pb.AsReferenceable)):
            self.visitor.check_call()
        return found

    def dataReceived(self, chunk: bytes) -> None:
        """
        Take in what the client sends; what isn't Perspective Broker ends the connection.
        """
        try:
            self.visitor.heard(len(chunk))
            super().dataReceived(chunk)
        except Exception as why:
            self.visitor.misbehaved(why)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.visitor.left()
        super().connectionLost(reason)
