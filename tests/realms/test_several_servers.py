"""
Realms that several servers serve: each is closed with the last of its servers.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from pbrealm import (
    AnonymousRealm,
    CachingRealm,
    JournalRealm,
    MindTrackingRealm,
    RoutingRealm,
    ServerFactory,
)
from pbrealm.testing import MemoryServer, make_portal
from tests.realms.mortals import RetireTestCase
from tests.realms.test_closing import Between


class SeveralServersTests(RetireTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.caching = CachingRealm(self.make, clock=self.clock)
        self.held: list[Any] = []

    def start(self, realm: Any, *names: str) -> MemoryServer:
        """Start another server, and log in to it."""
        passwords = dict.fromkeys(["alice", "bob"], "secret")
        server = MemoryServer(realm, passwords, clock=self.clock)
        server.connect()
        for name in names:
            self.held.append(server.connect().login(name, "secret"))
        return server

    def close(self, server: MemoryServer) -> Deferred[None]:
        factory: Any = server.factory
        closed: Deferred[None] = factory.close()
        server.flush()
        return closed

    def assert_shared(self, first: Any, second: Any) -> None:
        """
        The realm that finds the avatars goes on with the second server, and is closed with that.
        """
        self.events.clear()
        self.made.clear()
        servers = [self.start(first, "alice"), self.start(second)]
        self.successResultOf(self.close(servers[0]))
        self.assertEqual(self.events, ["make alice"])
        self.held.append(servers[1].connect().login("bob", "secret"))
        closed = self.close(servers[1])
        self.assertEqual(self.events[:2], ["make alice", "make bob"])
        self.assertEqual(sorted(self.events[2:]), ["retire alice", "retire bob"])
        self.assertNoResult(closed)
        for each in self.made:
            each.retiring.callback(None)
        servers[1].flush()
        self.successResultOf(closed)

    def test_same_realm(self) -> None:
        self.assert_shared(self.caching, self.caching)

    def test_same_realm_within(self) -> None:
        """The realms around it can be others; those are closed."""
        journal = JournalRealm(self.caching)
        self.assert_shared(MindTrackingRealm(self.caching), MindTrackingRealm(journal))

    def test_realm_of_guests(self) -> None:
        others = CachingRealm(self.make, clock=self.clock)
        first = AnonymousRealm(self.caching, others)
        self.assert_shared(first, AnonymousRealm(others, self.caching, names=["nobody"]))

    def test_same_hand_written_realm(self) -> None:
        """Also what only the first was found to serve is closed with the second."""
        between = Between(self.caching)
        self.assert_shared(between, between)

    def test_same_realm_within_hand_written_realms(self) -> None:
        second = self.start(Between(self.caching), "bob")
        first = self.start(Between(self.caching), "alice")
        self.successResultOf(self.close(first))
        self.assertEqual(self.events, ["make bob", "make alice"])
        self.close(second)
        self.assertEqual(sorted(self.events[2:]), ["retire alice", "retire bob"])

    def test_chosen_realm(self) -> None:
        first = self.start(RoutingRealm(lambda *_: self.caching), "alice")
        second = self.start(RoutingRealm(lambda *_: self.caching), "bob")
        self.successResultOf(self.close(first))
        self.assertEqual(self.events, ["make alice", "make bob"])
        self.close(second)
        self.assertEqual(sorted(self.events[2:]), ["retire alice", "retire bob"])

    def test_closed_together(self) -> None:
        """The first waits for its own sessions only, and the last for the realm, too."""
        servers = [self.start(self.caching, "alice") for _ in range(2)]
        factories: list[Any] = [server.factory for server in servers]
        closed = [factory.close() for factory in factories]
        for server in servers:
            server.flush()
        self.assertEqual(self.events, ["make alice", "retire alice"])
        self.successResultOf(closed[0])
        self.assertNoResult(closed[1])
        self.made[0].retiring.callback(None)
        servers[1].flush()
        self.successResultOf(closed[1])

    def test_listening(self) -> None:
        """A server without clients serves as long as it listens."""
        server = self.start(self.caching, "alice")
        other = ServerFactory(make_portal(self.caching, {}), clock=self.clock)
        other.doStart()
        self.successResultOf(self.close(server))
        self.assertEqual(self.events, ["make alice"])
        other.close()
        self.assertEqual(self.events, ["make alice", "retire alice"])

    def test_not_serving(self) -> None:
        """A factory that was never used, or listens no more, keeps nothing from closing."""
        server = self.start(self.caching, "alice")
        other = ServerFactory(make_portal(self.caching, {}), clock=self.clock)
        other.doStart()
        other.doStop()
        self.close(server)
        self.assertEqual(self.events, ["make alice", "retire alice"])
        self.assertFalse(other.serving)

    def test_closed_by_the_program(self) -> None:
        """What the program closes itself is closed, whoever serves it."""
        server = self.start(self.caching, "alice")
        self.caching.close()
        self.held.clear()
        server.clients[-1].leave()
        self.assertEqual(self.events, ["make alice", "retire alice"])
