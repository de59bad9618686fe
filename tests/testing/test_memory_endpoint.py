"""
The endpoint in memory, its network, and the restarts of its server.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pbrealm import CachingRealm, DisposableRealm, MindTrackingRealm, Reason
from pbrealm.testing import MemoryEndpoint, MemoryServer, make_portal
from tests.avatars import Player


class MemoryEndpointTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.realm = MindTrackingRealm(DisposableRealm(Player))
        self.server = MemoryServer(self.realm)
        self.endpoint = MemoryEndpoint(self.server)

    def connect(self) -> pb.PBClientFactory:
        factory = pb.PBClientFactory()
        self.connected = self.endpoint.connect(factory)
        return factory

    def log_in(self) -> object:
        self.connect()
        self.server.flush()
        return self.endpoint.clients[-1].login("alice", "secret")

    def test_interface(self) -> None:
        verifyObject(IStreamClientEndpoint, self.endpoint)

    def test_connect(self) -> None:
        """Not at once, as with sockets."""
        self.connect()
        self.assertNoResult(self.connected)
        self.server.flush()
        (client,) = self.endpoint.clients
        self.assertIs(self.successResultOf(self.connected), client.broker)
        reference = client.login("alice", "secret")
        self.assertEqual(client.call(reference, "greet"), "<1>hello alice")

    def test_cut_off(self) -> None:
        """Nothing arrives, and new connections aren't made until the network is restored."""
        self.held = self.log_in()
        self.endpoint.cut_off()
        self.connect()
        self.server.advance(100)
        self.assertNoResult(self.connected)
        self.assertEqual(len(self.realm.sessions()), 1)
        self.endpoint.clients[0].broker.transport.loseConnection()
        self.server.advance(100)
        self.assertEqual(len(self.realm.sessions()), 1)
        self.endpoint.restore()
        self.server.flush()
        self.successResultOf(self.connected)
        self.assertEqual(self.realm.sessions(), ())

    def test_cancelled(self) -> None:
        self.endpoint.cut_off()
        self.connect()
        self.connected.cancel()
        self.failureResultOf(self.connected, CancelledError)
        self.endpoint.restore()
        self.server.flush()
        self.assertEqual(self.endpoint.clients, [])

    def test_killed(self) -> None:
        """Connections are lost, and new ones are refused, until the server is started again."""
        self.held = self.log_in()
        (session,) = self.realm.sessions()
        self.server.kill()
        self.assertTrue(self.endpoint.clients[0].broker.disconnected)
        self.assertIs(session.ended, Reason.DISCONNECTED)
        self.connect()
        self.server.flush()
        self.failureResultOf(self.connected, ConnectionRefusedError)
        self.assertRaises(ConnectionRefusedError, self.server.connect)
        self.server.restart()
        self.held = self.log_in()
        self.assertEqual(len(self.realm.sessions()), 1)

    def test_killed_while_the_network_is_cut(self) -> None:
        """The client isn't told before the network is restored."""
        self.held = self.log_in()
        broker = self.endpoint.clients[0].broker
        self.endpoint.cut_off()
        self.server.kill()
        self.server.flush()
        self.assertFalse(broker.disconnected)
        self.endpoint.restore()
        self.server.flush()
        self.assertTrue(broker.disconnected)

    def test_restarted_with_another_realm(self) -> None:
        """As after a shutdown, which closes the realm."""
        self.held = self.log_in()
        factory: Any = self.server.factory
        closed = factory.close()
        self.server.advance(5)
        self.successResultOf(closed)
        self.connect()
        self.server.flush()
        self.assertTrue(self.endpoint.clients[-1].broker.disconnected)
        self.assertFalse(self.endpoint.clients[-1].connected)
        realm = MindTrackingRealm(CachingRealm(Player))
        self.server.restart(realm)
        self.held = self.log_in()
        self.assertEqual(len(realm.sessions()), 1)

    def test_restarted_with_a_factory(self) -> None:
        factory = pb.PBServerFactory(make_portal(self.realm, {"alice": "secret"}))
        for given in (MemoryServer(self.realm, factory=factory), self.server):
            given.kill()
            given.restart(factory=None if given.factory is factory else factory)
            self.assertIs(given.factory, factory)
            self.assertIs(given.connect().server_broker.factory, factory)
