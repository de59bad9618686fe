"""
Draining a server.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import (
    CachingRealm,
    ConnectionLimitedRealm,
    Limits,
    MindTrackingRealm,
    Reason,
    ServerFactory,
    ServerService,
    WaitForRoom,
)
from pbrealm.testing import MemoryServer, RecordingMind, make_portal
from tests.avatars import Aware, Player


class DrainTests(SynchronousTestCase):
    def serve(self, realm, limits=None):
        self.realm = MindTrackingRealm(realm)
        names = {f"user{number}": "secret" for number in range(20)}
        self.server = MemoryServer(self.realm, names, limits=limits)
        self.factory: Any = self.server.factory
        self.held = []

    def log_in(self, number, mind=None):
        client = self.server.connect()
        self.held.append(client.login(f"user{number}", "secret", mind))
        return client

    def go(self, seconds):
        self.server.clock.advance(seconds)
        self.server.flush()

    def test_evenly(self):
        """The sessions end one after the other, the oldest first, and then the factory closes."""
        self.serve(CachingRealm(Player))
        minds = [RecordingMind() for _ in range(10)]
        clients = [self.log_in(number, mind) for number, mind in enumerate(minds)]
        idle = self.server.connect()
        drain = self.factory.drain(10)
        done = drain.done()
        self.assertIs(self.factory.draining, drain)
        left = []
        for _ in range(10):
            left.append(drain.left)
            self.assertEqual(drain.left, len(self.realm.sessions()))
            self.assertNoResult(done)
            self.go(1)
        self.assertEqual(left, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1])
        self.assertEqual(drain.total, 10)
        for mind in minds:
            self.assertEqual(mind.goodbyes(), [(8, "shutting down", True)])
        self.successResultOf(done)
        self.successResultOf(drain.done())
        self.assertEqual(drain.state.name, "DRAINED")
        self.assertFalse(any(client.connected for client in [*clients, idle]))
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_clock_that_has_run_for_long(self):
        """The rest of the time may be less than it can tell."""
        self.serve(CachingRealm(Player))
        self.server.clock.advance(1_700_000_000.123)
        for number in range(7):
            self.log_in(number)
        drain = self.factory.drain(0.3)
        for _ in range(100):
            self.go(0.0043)
        self.successResultOf(drain.done())

    def test_at_once(self):
        self.serve(CachingRealm(Player))
        self.log_in(1)
        done = self.factory.drain(0).done()
        self.server.flush()
        self.successResultOf(done)

    def test_without_sessions(self):
        """What is connected without a session is closed at once."""
        self.serve(CachingRealm(Player))
        client = self.server.connect()
        done = self.factory.drain(10).done()
        self.server.flush()
        self.successResultOf(done)
        self.assertFalse(client.connected)

    def test_text(self):
        self.serve(CachingRealm(Player))
        mind = RecordingMind()
        self.log_in(1, mind)
        self.factory.drain(0, text="the server moves")
        self.server.flush()
        self.assertEqual(mind.goodbyes(), [(8, "the server moves", True)])

    def test_nobody_gets_in(self):
        """Neither by a new connection, nor by one that is there, nor who has waited for room."""
        self.serve(
            ConnectionLimitedRealm(CachingRealm(Aware), total=2, on_full=WaitForRoom(timeout=100))
        )
        self.log_in(0)
        self.log_in(1)
        waiting = self.server.connect()
        waited: Deferred[Any] = waiting.start_login("user2", "secret")
        connected = self.server.connect()
        self.factory.drain(10)
        late = self.server.connect()
        self.server.flush()
        self.assertNotIsInstance(late.server_broker, pb.Broker)
        refused = connected.start_login("user3", "secret")
        self.server.flush()
        self.failureResultOf(refused)
        self.go(5)
        self.assertEqual([session.avatar_id for session in self.realm.sessions()], ["user1"])
        self.go(5)
        self.failureResultOf(waited)
        self.assertEqual(self.realm.sessions(), ())

    def test_who_leaves_meanwhile(self):
        self.serve(CachingRealm(Player))
        clients = [self.log_in(number) for number in range(4)]
        drain = self.factory.drain(4)
        for client in clients[1:]:
            client.drop()
        self.server.flush()
        self.assertEqual(drain.left, 1)
        self.go(4)
        self.successResultOf(drain.done())

    def test_close(self):
        """To close the factory meanwhile ends the rest at once."""
        self.serve(CachingRealm(Player))
        for number in range(4):
            self.log_in(number)
        drain = self.factory.drain(100)
        closed = self.factory.close()
        self.server.flush()
        self.successResultOf(closed)
        self.successResultOf(drain.done())
        self.successResultOf(self.factory.close())
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_only_once(self):
        self.serve(CachingRealm(Player))
        self.factory.drain(10)
        self.assertRaises(RuntimeError, self.factory.drain)

    def test_closed(self):
        self.serve(CachingRealm(Player))
        self.factory.close()
        self.assertRaises(RuntimeError, self.factory.drain)

    def test_bad_seconds(self):
        self.serve(CachingRealm(Player))
        for seconds in (-1, "10", None, float("inf"), float("nan"), True):
            with self.assertRaisesRegex(ValueError, "seconds must be a number of seconds"):
                self.factory.drain(seconds)
        self.log_in(1)

    def test_shared_realm(self):
        """A realm that another server serves stays open while this one drains, and after that."""
        self.serve(CachingRealm(Player))
        other = MemoryServer(self.realm, {"bob": "secret"})
        other_factory: Any = other.factory
        other.connect().login("bob", "secret")
        self.log_in(1)
        self.factory.drain(10)
        other_factory.close()
        self.go(5)
        (session,) = self.realm.sessions()
        self.assertIs(session.ended, None)
        self.go(5)
        self.assertIs(session.ended, Reason.SHUTTING_DOWN)


class ListenerTests(SynchronousTestCase):
    def test_service_stops_listening(self):
        reactor = MemoryReactorClock()
        factory = ServerFactory(
            make_portal(CachingRealm(Player, clock=reactor), {}), Limits(), clock=reactor
        )
        service = ServerService("tcp:8787", factory, reactor=reactor)
        service.startService()
        factory.doStart()
        factory.drain(10)
        self.assertEqual(reactor.tcpServers[0][0], 8787)
        self.assertFalse(service._ports)
        self.successResultOf(service.stopService())
