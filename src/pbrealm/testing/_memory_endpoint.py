"""
An endpoint that connects to a server in memory.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IStreamClientEndpoint
from zope.interface import implementer

from pbrealm.testing._memory import MemoryClient, MemoryServer


@implementer(IStreamClientEndpoint)
class MemoryEndpoint:
    """
    Connects clients to a L{MemoryServer}, over a network that a test can cut::

        service = LoginService(MemoryEndpoint(server), credentials, reactor=server.clock)
        service.startService()
        server.flush()

    @ivar clients: the connections that were made, in order.
    """

    def __init__(self, server: MemoryServer) -> None:
        self.clients: list[MemoryClient] = []
        self._server = server
        self._cut = False
        # Those who wait for the network.
        self._connecting: list[tuple[Any, Deferred[Any]]] = []

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        """
        Connect, in the next turn of the clock.

        @return: fires with the protocol.  Fails with L{ConnectionRefusedError
            <twisted.internet.error.ConnectionRefusedError>} if the server was killed.
        """
        connected: Deferred[Any] = Deferred(self._forget)
        self._connecting.append((protocolFactory, connected))
        self._server.clock.callLater(0, self._connect_all)
        return connected

    def cut_off(self) -> None:
        """
        Cut the network: nothing is delivered in either direction, new connections aren't made, and
        nobody is told.
        """
        self._cut = True
        for client in self.clients:
            client.cut_off()

    def restore(self) -> None:
        """Undo L{cut_off}: what was under way arrives at the next flush."""
        self._cut = False
        for client in self.clients:
            client.restore()
        self._server.clock.callLater(0, self._connect_all)

    def _forget(self, connected: Deferred[Any]) -> None:
        self._connecting = [each for each in self._connecting if each[1] is not connected]

    def _connect_all(self) -> None:
        while self._connecting and not self._cut:
            factory, connected = self._connecting.pop(0)
            try:
                client = self._server.accept(factory)
            except ConnectionRefusedError:
                connected.errback()
            else:
                self.clients.append(client)
                connected.callback(client.broker)
