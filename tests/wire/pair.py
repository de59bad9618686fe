"""
Two brokers, connected in memory.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm._wire.broker import FastBroker
from pbrealm.client import ClientFactory


class FastServerFactory(pb.PBServerFactory):
    """Twisted's server with the broker under test."""

    protocol = FastBroker


class Pair:
    """
    A client and a server whose root object is given.

    @ivar said: all bytes that each of the two has written.
    """

    def __init__(self, root: Any, fast_server: bool = True, fast_client: bool = True) -> None:
        self.server_factory = (FastServerFactory if fast_server else pb.PBServerFactory)(root)
        self.client_factory = (ClientFactory if fast_client else pb.PBClientFactory)()
        self.server: Any = self.server_factory.buildProtocol(None)
        self.client: Any = self.client_factory.buildProtocol(None)
        self.said = {"server": b"", "client": b""}
        self.server.makeConnection(StringTransport())
        self.client.makeConnection(StringTransport())
        self.pump()

    def pump(self) -> None:
        """Carry bytes to and fro until neither end has any."""
        moved = True
        while moved:
            moved = False
            for name, source, target in (
                ("client", self.client, self.server),
                ("server", self.server, self.client),
            ):
                written = source.transport.value()
                source.transport.clear()
                if written:
                    moved = True
                    self.said[name] += written
                    target.dataReceived(written)

    def root(self) -> Any:
        """The client's reference to the root object."""
        return self.client.remoteForName("root")

    def call(self, method: str, *args: object, **kw: object) -> Any:
        """Call the root object; the answer, or the failure."""
        results: list[Any] = []
        self.root().callRemote(method, *args, **kw).addBoth(results.append)
        self.pump()
        (result,) = results
        return result

    def close(self) -> None:
        """Have both ends lose the connection."""
        for end in (self.client, self.server):
            if not end.disconnected:
                end.connectionLost(Failure(ConnectionDone()))
