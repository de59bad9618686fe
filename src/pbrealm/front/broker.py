"""
The broker at the front door.
"""

from __future__ import annotations

from types import CoroutineType
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from pbrealm.front.visitor import Visitor
from pbrealm.wire.broker import FastBroker
from pbrealm.wire.calls import sends_as_usual
from pbrealm.wire.outbox import Outbox


@sends_as_usual
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

    def serialize(
        self,
        object: Any,
        perspective: Any = None,
        method: Any = None,
        args: Any = None,
        kw: Any = None,
    ) -> Any:
        """
        Jelly an answer, also that of a method which is a coroutine function.
        """
        if type(object) is CoroutineType:
            object = Deferred.fromCoroutine(object)
        return super().serialize(object, perspective, method, args, kw)

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
