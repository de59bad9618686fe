"""
The broker of a login: tells of what comes from the server, the goodbye above all.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm._wire.resumable_broker import ResumableBroker
from pbrealm._wire.sexp import Sexp
from pbrealm.client._factory import ClientFactory
from pbrealm.client._mind import hears


class BrokerOwner(Protocol):
    """What a broker tells of its connection."""

    def made(self, broker: LoginBroker) -> None:
        """The connection is made."""

    def heard(self) -> None:
        """Something has come from the server."""

    def told_goodbye(self, code: int, text: str, reconnect: bool) -> None:
        """The server has said goodbye, and the mind was called if it wants to be."""

    def away(self, broker: LoginBroker) -> None:
        """The connection is lost, and may be resumed."""

    def gone(self, broker: LoginBroker) -> None:
        """The connection is lost for good."""


class LoginBroker(ResumableBroker):
    """
    A broker over which a client logs in once.

    @ivar owner: is told of what happens.
    @ivar mind: what the server gets to call.
    @ivar goodbye: the method of the mind that is called to say goodbye.
    """

    owner: BrokerOwner
    mind: pb.Referenceable
    goodbye: bytes

    def connectionMade(self) -> None:
        super().connectionMade()
        self.owner.made(self)

    def dataReceived(self, data: bytes) -> None:
        self.owner.heard()
        super().dataReceived(data)

    def stream_away(self) -> None:
        self.owner.away(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        self.owner.gone(self)

    def proto_message(
        self,
        requestID: Sexp,
        objectID: Sexp,
        message: Sexp,
        answerRequired: Sexp,
        netArgs: Sexp,
        netKw: Sexp,
    ) -> None:
        """
        Protocol message: a call of one of this end's objects.

        The goodbye is noticed here, and not by an object around the mind, so that the server has
        a reference to the mind itself, as with any other client.
        """
        goodbye = None
        if message == self.goodbye and self._is_mind(objectID):
            goodbye = self._goodbye(netArgs)
        if goodbye is None or hears(self.mind, self.goodbye.decode()):
            super().proto_message(requestID, objectID, message, answerRequired, netArgs, netKw)
        elif answerRequired:
            self._sendAnswer(self.serialize(None), requestID)
        if goodbye is not None:
            self.owner.told_goodbye(*goodbye)

    def _is_mind(self, object_id: Sexp) -> bool:
        return type(object_id) is int and self.localObjectForID(object_id) is self.mind

    def _goodbye(self, args: Sexp) -> tuple[int, str, bool] | None:
        """The arguments of a goodbye; L{None} if it's another call of the same name."""
        try:
            code, text, reconnect = self.unserialize(args)
        except Exception:
            return None
        if type(code) is int and type(text) is str and isinstance(reconnect, (bool, int)):
            return code, text, bool(reconnect)
        return None


class LoginFactory(ClientFactory):
    """
    Makes one broker.
    """

    protocol = LoginBroker
    noisy = False

    def __init__(self, owner: BrokerOwner, mind: pb.Referenceable, goodbye: str) -> None:
        super().__init__()
        self._owner = owner
        self._mind = mind
        self._goodbye = goodbye.encode()

    def buildProtocol(self, addr: IAddress | None) -> LoginBroker:
        broker: LoginBroker = super().buildProtocol(addr)
        broker.owner = self._owner
        broker.mind = self._mind
        broker.goodbye = self._goodbye
        return broker
