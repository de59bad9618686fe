"""
The server in memory, and its clock.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import CachingRealm, DisposableRealm, MindTrackingRealm, NotifyTimeout, ServerFactory
from pbrealm.testing import MemoryServer, StallingMind, make_portal
from tests.avatars import Player


class ClockTests(SynchronousTestCase):
    def test_realm_is_left_as_it_is(self) -> None:
        """A realm without a clock is given none, and its sessions run by the server's."""
        inner = CachingRealm(Player)
        realm = MindTrackingRealm(inner)
        server = MemoryServer(realm)
        client = server.connect()
        reference = client.login("alice", "secret", StallingMind())
        self.assertIsNone(realm.clock)
        self.assertIsNone(inner.clock)
        (session,) = realm.sessions()
        self.assertIs(session.clock, server.clock)
        answer = session.notify("news")
        server.advance(29)
        self.assertNoResult(answer)
        server.advance(1)
        self.failureResultOf(answer, NotifyTimeout)
        del reference

    def test_one_realm_on_two_servers(self) -> None:
        """Each session runs by the clock of its own server."""
        realm = MindTrackingRealm(DisposableRealm(Player))
        servers = [MemoryServer(realm), MemoryServer(realm)]
        held = [server.connect().login("alice", "secret") for server in servers]
        self.assertEqual(
            [session.clock for session in realm.sessions()], [server.clock for server in servers]
        )
        del held

    def test_clock_of_the_realm(self) -> None:
        clock = Clock()
        self.assertIs(MemoryServer(CachingRealm(Player, clock=clock)).clock, clock)

    def test_clock_that_is_given(self) -> None:
        """It is the server's, whatever the realm has."""
        clock, own = Clock(), Clock()
        realm = CachingRealm(Player, clock=own)
        self.assertIs(MemoryServer(realm, clock=clock).clock, clock)
        self.assertIs(realm.clock, own)

    def test_factory_without_a_clock(self) -> None:
        realm = CachingRealm(Player)
        factory = ServerFactory(make_portal(realm, {}))
        server = MemoryServer(realm, factory=factory)
        self.assertIs(factory.clock, server.clock)


class ClientTests(SynchronousTestCase):
    def test_restored_connection(self) -> None:
        """What was written while the connection was cut off is delivered afterwards."""
        server = MemoryServer(DisposableRealm(Player))
        client = server.connect()
        reference = client.login("alice", "secret")
        client.cut_off()
        answer = reference.callRemote("greet")
        server.flush()
        self.assertNoResult(answer)
        client.restore()
        server.flush()
        self.assertEqual(self.successResultOf(answer), "<1>hello alice")

    def test_no_answer(self) -> None:
        server = MemoryServer(DisposableRealm(Player))
        client = server.connect()
        reference = client.login("alice", "secret")
        self.assertRaises(AssertionError, client.call, reference, "later")

    def test_plain_factory(self) -> None:
        """A factory of Twisted's own serves as well."""
        portal = make_portal(DisposableRealm(Player, clock=Clock()), {"alice": "secret"})
        server = MemoryServer(portal.realm, factory=pb.PBServerFactory(portal))
        client = server.connect()
        reference = client.login("alice", "secret")
        self.assertEqual(client.call(reference, "greet"), "<1>hello alice")
