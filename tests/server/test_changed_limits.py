"""
Limits that are replaced while a server has clients.
"""

from typing import Any

from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import Backlog, CachingRealm, Limits, MindTrackingRealm, Reason, SlowClientPolicy
from pbrealm.testing import MemoryServer, RecordingMind


class Echo(pb.Avatar):
    def __init__(self, name: str) -> None:
        self.name = name

    def perspective_echo(self, value: Any) -> Any:
        return value


class ChangedLimitsTests(SynchronousTestCase):
    def setUp(self):
        self.realm = MindTrackingRealm(CachingRealm(Echo))
        self.limits = Limits(login_seconds=30, ping_interval=0)
        self.server = MemoryServer(self.realm, limits=self.limits)
        self.factory: Any = self.server.factory

    def change(self, **limits):
        self.factory.limits = Limits(**{**vars(self.limits), **limits})

    def log_in(self, mind=None):
        self.client = self.server.connect()
        self.perspective = self.client.login("alice", "secret", mind)
        (self.session,) = self.realm.sessions()

    def test_message_bytes(self):
        """For a client that is logged in."""
        self.log_in()
        self.change(message_bytes=2000)
        self.assertEqual(self.factory.limits.message_bytes, 2000)
        self.assertEqual(len(self.client.call(self.perspective, "echo", "x" * 500)), 500)
        self.perspective.callRemote("echo", "x" * 5000).addErrback(lambda _: None)
        self.server.flush()
        self.assertIs(self.session.ended, Reason.DISCONNECTED)

    def test_message_bytes_without_a_login(self):
        client = self.server.connect()
        self.change(unauthenticated_message_bytes=600)
        client.start_login("alice" * 200, "secret").addErrback(lambda _: None)
        self.server.flush()
        self.assertFalse(client.connected)

    def test_pings(self):
        """Clients are pinged from now on, or not any more."""
        self.log_in()
        self.change(ping_interval=20, ping_timeout=10)
        self.client.cut_off()
        self.server.clock.advance(20)
        self.server.clock.advance(10)
        self.server.clock.advance(0)
        self.assertIs(self.session.ended, Reason.NO_ANSWER)

    def test_no_pings(self):
        self.change(ping_interval=20, ping_timeout=10)
        self.log_in()
        self.change(ping_interval=0)
        self.client.cut_off()
        for _ in range(10):
            self.server.clock.advance(20)
        self.assertIsNone(self.session.ended)

    def test_connections(self):
        """Those who are connected stay."""
        clients = [self.server.connect() for _ in range(3)]
        self.change(connections=2)
        self.assertTrue(all(client.connected for client in clients))
        login = self.server.connect().start_login("alice", "secret")
        self.server.flush()
        self.failureResultOf(login, pb.PBConnectionLost)
        self.change(connections=5)
        self.log_in()

    def test_login_attempts(self):
        client = self.server.connect()
        self.change(login_attempts=1)
        client.start_login("alice", "wrong").addErrback(lambda _: None)
        self.server.flush()
        self.server.clock.advance(0)
        self.server.flush()
        self.assertFalse(client.connected)

    def test_login_seconds(self):
        """From the next connection on."""
        earlier = self.server.connect()
        self.change(login_seconds=5)
        later = self.server.connect()
        self.server.clock.advance(5)
        self.assertEqual([earlier.connected, later.connected], [True, False])
        self.server.clock.advance(25)
        self.assertFalse(earlier.connected)

    def test_throttle(self):
        self.change(throttle_after_failures=1, throttle_seconds=100, throttle_max_seconds=100)
        client = self.server.connect()
        wrong = client.start_login("alice", "wrong")
        self.server.flush()
        self.failureResultOf(wrong)
        waits = self.server.connect().start_login("alice", "secret")
        self.server.flush()
        self.assertNoResult(waits)
        self.change(throttle_seconds=0)
        held = [self.server.connect().login("alice", "secret"), waits]
        self.assertEqual(len(self.realm.sessions()), len(held))

    def test_resume_seconds(self):
        """Clients can't come back any more."""
        self.change(resume_seconds=0)
        state = self.factory._server_state()
        self.assertRaises(pb.Error, state.resumptions.check_enabled)

    def test_before_the_first_connection(self):
        server = MemoryServer(MindTrackingRealm(CachingRealm(Echo)))
        factory: Any = server.factory
        factory.limits = Limits(connections=1, ping_interval=0)
        server.connect()
        login = server.connect().start_login("alice", "secret")
        server.flush()
        self.failureResultOf(login)

    def test_wrong_kind(self):
        for name, value in (("limits", Backlog()), ("backlog", Limits()), ("limits", None)):
            with self.assertRaisesRegex(TypeError, f"{name} must be"):
                setattr(self.factory, name, value)

    def test_limits_given_stay_as_they_are(self):
        """A Limits that several servers share is nobody's to change."""
        given = Limits(connections=7)
        server = MemoryServer(MindTrackingRealm(CachingRealm(Echo)), limits=given)
        server.connect()
        factory: Any = server.factory
        factory.limits = Limits(connections=8)
        self.assertEqual(given.connections, 7)

    def test_backlog(self):
        """For a client that doesn't read."""
        mind = RecordingMind()
        self.log_in(mind)
        self.client.stop_reading()
        self.factory.backlog = Backlog(
            soft_bytes=1000, hard_bytes=100_000, when_slow=SlowClientPolicy.DROP_NEWEST
        )
        for number in range(200):
            self.session.notify("news", number, "x" * 2000, pbanswer=False)
        self.assertIsNone(self.session.ended)
        stats: Any = self.session.stats()
        self.assertLess(stats.waiting_bytes, 110_000)
        self.factory.backlog = Backlog(soft_bytes=1000, hard_bytes=1000)
        self.session.notify("news", 0, "x" * 2000, pbanswer=False)
        self.assertIs(self.session.ended, Reason.TOO_SLOW)
