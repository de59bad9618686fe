"""
Clients that come through a proxy which sends their addresses, by the PROXY protocol.
"""

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import CachingRealm, Limits, MindTrackingRealm, ServerFactory
from pbrealm.testing import MemoryServer, RecordingMind, make_portal
from tests.avatars import Player


class ProxyTests(SynchronousTestCase):
    def serve(self, **limits: Any) -> None:
        self.realm = MindTrackingRealm(CachingRealm(Player))
        passwords = {"alice": "secret", "bob": "secret"}
        factory = ServerFactory(make_portal(self.realm, passwords), Limits(**limits))
        wrapping: Any = HAProxyWrappingFactory(factory)
        self.server = MemoryServer(self.realm, passwords, factory=wrapping)
        factory.clock = self.server.clock

    def connect(self, host: str) -> Any:
        class Broker(pb.Broker):
            def makeConnection(self, transport: Any) -> None:
                transport.write(f"PROXY TCP4 {host} 192.0.2.9 5555 8787\r\n".encode())
                super().makeConnection(transport)

        factory = pb.PBClientFactory()
        factory.protocol = Broker
        return self.server.connect(factory)

    def test_address_of_the_client(self):
        self.serve()
        mind = RecordingMind("fine")
        held = self.connect("203.0.113.7").login("alice", "secret", mind)
        (session,) = self.realm.sessions()
        self.assertEqual(session.peer, IPv4Address("TCP", "203.0.113.7", 5555))
        over = session.end()
        self.server.flush()
        self.successResultOf(over)
        self.assertEqual(len(mind.goodbyes()), 1)
        del held

    def test_limits_count_the_address_of_the_proxy(self):
        """The connection is counted before the header with the client's address has come."""
        self.serve(connections_per_address=1)
        held = self.connect("203.0.113.7").login("alice", "secret")
        with self.assertRaises(pb.RemoteError) as caught:
            self.connect("203.0.113.8").login("bob", "secret")
        self.assertEqual(caught.exception.remoteType, b"pbrealm.errors.TooManyConnections")
        del held

    def test_delays_count_the_address_of_the_proxy(self):
        self.serve(throttle_after_failures=1)
        with self.assertRaises(pb.RemoteError):
            self.connect("203.0.113.7").login("mallory", "wrong")
        login = self.connect("203.0.113.8").start_login("alice", "secret")
        self.server.flush()
        self.assertNoResult(login)
        self.server.advance(1)
        self.held = self.successResultOf(login)
