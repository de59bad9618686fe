"""
How many connections there may be, and what one too many gets.
"""

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import Limits
from pbrealm._server.connection_limits import (
    MAX_EXPLAINED,
    Admission,
    ConnectionCounter,
    network_of,
    origin_of,
)
from tests.server.cases import ServerTestCase


class ConnectionCounterTests(SynchronousTestCase):
    def test_in_all(self):
        counter = ConnectionCounter(Limits(connections=2))
        self.assertEqual([counter.opened(o) for o in "aa"], [Admission.ACCEPTED] * 2)
        self.assertIs(counter.opened("b"), Admission.FULL)
        counter.closed("a", Admission.ACCEPTED)
        self.assertIs(counter.opened("b"), Admission.ACCEPTED)

    def test_by_origin(self):
        counter = ConnectionCounter(Limits(connections_per_address=1))
        self.assertEqual([counter.opened(o) for o in "ab"], [Admission.ACCEPTED] * 2)
        self.assertIs(counter.opened("a"), Admission.ADDRESS_FULL)
        self.assertEqual([counter.opened(None) for _ in range(3)], [Admission.ACCEPTED] * 3)

    def test_both(self):
        """As behind a proxy, where there is one address only."""
        counter = ConnectionCounter(Limits(connections=1, connections_per_address=1))
        self.assertIs(counter.opened("a"), Admission.ACCEPTED)
        self.assertIs(counter.opened("a"), Admission.FULL)

    def test_only_so_many_get_an_explanation(self):
        counter = ConnectionCounter(Limits(connections=1))
        counter.opened("a")
        told = [counter.opened("a") for _ in range(MAX_EXPLAINED + 1)]
        self.assertEqual(told, [Admission.FULL] * MAX_EXPLAINED + [Admission.REJECTED])
        counter.closed("a", Admission.FULL)
        self.assertIs(counter.opened("a"), Admission.FULL)

    def test_nothing_is_left(self):
        counter = ConnectionCounter(Limits())
        for origin in ("a", "b", None):
            counter.closed(origin, counter.opened(origin))
        self.assertEqual(
            (counter._accepted, counter._explained, dict(counter._by_origin)), (0, 0, {})
        )


class OriginTests(SynchronousTestCase):
    def test_origins(self):
        for address, origin in (
            (IPv4Address("TCP", "192.0.2.1", 1), "192.0.2.1"),
            (IPv6Address("TCP", "2001:db8::1:2:3:4", 1), "2001:db8::/64"),
            (IPv6Address("TCP", "::ffff:192.0.2.1", 1), "192.0.2.1"),
            (IPv6Address("TCP", "fe80::1%eth0", 1), "fe80::/64"),
            (UNIXAddress(b"/run/socket"), None),
            (None, None),
        ):
            self.assertEqual(origin_of(address), origin)

    def test_networks(self):
        for origin, network in (
            ("192.0.2.1", "192.0.2.0/24"),
            ("2001:db8:1:2::/64", "2001:db8:1::/48"),
            ("2001:db8::/64", "2001:db8::/48"),
            ("::/64", "::/48"),
            ("fe80::1%eth0", None),
            ("a", None),
            (None, None),
        ):
            self.assertEqual(network_of(origin), network)


class RejectedConnectionTests(ServerTestCase):
    def test_full(self):
        """One connection too many is closed at its login, so that the client comes back."""
        client = self.serve(connections=1)
        late = self.server.connect()
        self.refusal(late.start_login("alice", "secret")).trap(pb.PBConnectionLost)
        self.assertFalse(late.connected)
        client.drop()
        self.held = self.server.connect().login("alice", "secret")

    def test_too_many_from_an_address(self):
        """One too many from its own address is told so at its login, and closed."""
        client = self.serve(connections_per_address=1)
        late = self.server.connect()
        failure = self.refusal(late.start_login("alice", "secret"))
        failure.trap("pbrealm.errors.TooManyConnections")
        self.assertIn("from your address", str(failure.value))
        self.server.flush()
        self.assertFalse(late.connected)
        client.drop()
        self.held = self.server.connect().login("alice", "secret")

    def test_rejected_beyond_those_that_are_told(self):
        self.serve(connections=1)
        factory = self.server.factory
        address = IPv4Address("TCP", "127.0.0.1", 1)
        made = [factory.buildProtocol(address) for _ in range(20)]
        self.assertIsNone(made[-1])
