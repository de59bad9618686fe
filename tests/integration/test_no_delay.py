"""
TCP's own delay of small packets is off.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.spread import pb
from twisted.trial.unittest import TestCase

from pbrealm import DisposableRealm, ServerFactory
from pbrealm.client import ClientFactory
from pbrealm.testing import make_portal

reactor: Any = _reactor


class NoDelayTests(TestCase):
    """
    Several writes arrive without waiting for an acknowledgement of the first.
    """

    async def test_both_ends(self) -> None:
        """TCP_NODELAY is set on the connections of the server and of the client."""
        portal = make_portal(DisposableRealm(lambda _: pb.Avatar()), {})
        server, client = ServerFactory(portal), ClientFactory()
        brokers: list[Any] = []
        build = server.buildProtocol

        def build_protocol(address: Any) -> Any:
            brokers.append(build(address))
            return brokers[-1]

        self.patch(server, "buildProtocol", build_protocol)
        port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(server)
        self.addCleanup(port.stopListening)
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)
        brokers.append(await endpoint.connect(client))
        await client.getRootObject()
        self.assertEqual(
            [bool(broker.transport.getTcpNoDelay()) for broker in brokers], [True] * 2
        )
        gone: list[Deferred[None]] = [Deferred(), Deferred()]
        for broker, each in zip(brokers, gone, strict=True):
            broker.notifyOnDisconnect(lambda each=each: each.callback(None))
        brokers[-1].transport.loseConnection()
        await gatherResults(gone)
