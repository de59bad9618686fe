"""
The clients that the keepalive finds dead.
"""

from typing import Any

from twisted.spread import pb

from pbrealm import Backlog, CachingRealm, Limits, MindTrackingRealm, Reason
from pbrealm.testing import MemoryServer, RecordingMind, make_portal
from tests.avatars import Player
from tests.server.cases import ServerTestCase


class DeadClientTests(ServerTestCase):
    def test_found_dead(self):
        """A client that is cut off is found, with a mind or without, and its sessions end."""
        client = self.serve(ping_interval=20, ping_timeout=10)
        self.held = [
            client.login("alice", "secret", RecordingMind()),
            client.login("bob", "secret"),
        ]
        sessions = self.realm.sessions()
        client.cut_off()
        self.server.advance(20)
        self.server.advance(10)
        self.server.advance(0)
        self.assertEqual([session.ended for session in sessions], [Reason.NO_ANSWER] * 2)
        self.assertFalse(client.connected)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_alive(self):
        """A plain client answers by itself, logged in or not, and for as long as it's there."""
        client = self.serve(ping_interval=20, ping_timeout=10, login_seconds=0)
        for _ in range(100):
            self.server.advance(7)
        self.assertTrue(client.connected)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_unauthenticated(self):
        client = self.serve(ping_interval=20, ping_timeout=10, login_seconds=0)
        client.cut_off()
        for seconds in (20, 10, 0, 0):
            self.server.advance(seconds)
        self.assertFalse(client.connected)

    def test_off(self):
        client = self.serve(ping_interval=0)
        self.held = client.login("alice", "secret")
        client.cut_off()
        self.server.advance(10000)
        self.assertTrue(client.connected)


class CheapPingTests(ServerTestCase):
    def test_nothing_is_decoded(self):
        """An answer to a ping is a sign of life; nobody looks at what it says."""
        client = self.serve(ping_interval=20, ping_timeout=10, login_seconds=0)
        self.server.advance(20)
        self.held = client.login("alice", "secret", RecordingMind())
        broker = client.server_broker
        unserialized: list[Any] = []
        self.patch(broker, "unserialize", unserialized.append)
        for _ in range(100):
            self.server.advance(10)
        self.assertTrue(client.connected)
        self.assertEqual(unserialized, [])
        self.assertEqual(broker.waitingForAnswers, {})
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_is_alive(self):
        """A session can be asked at the same time, and after its end."""
        client = self.serve(ping_interval=20, ping_timeout=10)
        self.held = client.login("alice", "secret")
        (session,) = self.realm.sessions()
        self.server.advance(20)
        self.assertTrue(client.wait(session.is_alive(5)))
        client.cut_off()
        asked = [session.is_alive(5), session.is_alive(60)]
        self.server.advance(5)
        self.assertEqual(self.successResultOf(asked[0]), False)
        client.drop()
        self.assertEqual(self.successResultOf(asked[1]), False)
        self.assertEqual(self.successResultOf(session.is_alive(5)), False)

    def test_is_alive_under_a_plain_factory(self):
        realm = MindTrackingRealm(CachingRealm(Player))
        portal = make_portal(realm, {"alice": "secret"})
        server = MemoryServer(realm, factory=pb.PBServerFactory(portal))
        client = server.connect()
        self.held = client.login("alice", "secret", RecordingMind())
        (session,) = realm.sessions()
        self.assertTrue(client.wait(session.is_alive(5)))


class UnansweredPingTests(ServerTestCase):
    """
    Clients that don't answer pings, and give other signs of life.
    """

    def serve_mute(self):
        """A client that doesn't answer what it's sent."""
        client = self.serve(ping_interval=20, ping_timeout=10)
        self.held = client.login("alice", "secret", RecordingMind())
        self.patch(client.broker, "proto_message", lambda *_: None)
        return client

    def test_none(self):
        client = self.serve_mute()
        for _ in range(31):
            self.server.advance(1)
        self.assertFalse(client.connected)

    def test_part_of_a_message(self):
        """Any bytes count, also those that are no message yet."""
        client = self.serve_mute()
        for _ in range(10):
            client.broker.transport.write(b"\x01")
            self.server.advance(25)
            client.broker.transport.write(b"\x80")
            self.server.advance(4)
        self.assertTrue(client.connected)

    def test_taking(self):
        """A client that only takes what it is sent is alive; once it doesn't, it is dead."""
        self.realm = MindTrackingRealm(CachingRealm(Player))
        limits, backlog = Limits(ping_interval=20, ping_timeout=10), Backlog(soft_seconds=9999)
        self.server = MemoryServer(self.realm, limits=limits, backlog=backlog)
        client = self.server.connect()
        self.held = client.login("alice", "secret", RecordingMind())
        self.patch(client.broker, "proto_message", lambda *_: None)
        (session,) = self.realm.sessions()
        client.stop_reading()
        session.notify("news", b"x" * 600_000, pbanswer=False)
        session.notify("news", b"x" * 600_000, pbanswer=False)
        for _ in range(8):
            client.start_reading()
            self.assertTrue(client.pump())
            client.stop_reading()
            self.server.advance(25)
        self.assertTrue(client.connected)
        for _ in range(10):
            self.server.advance(1)
        self.assertIs(session.ended, Reason.NO_ANSWER)
        self.assertFalse(client.connected)

    def test_signs_of_life_that_never_come(self):
        """A client that says something, but never answers, leaves no questions behind."""
        client = self.serve(ping_interval=20, ping_timeout=10)
        self.held = client.login("alice", "secret")
        self.patch(client.broker, "proto_message", lambda *_: None)
        for _ in range(10):
            self.server.advance(20)
            client.broker.sendCall(b"version", 6)
            self.server.advance(10)
        self.assertTrue(client.connected)
        self.assertLessEqual(len(client.server_broker.waitingForAnswers), 1)
