"""
What a session tells of its connection.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import CachingRealm, Limits, MindTrackingRealm
from pbrealm._server.meter import Meter
from pbrealm.testing import MemoryServer, RecordingMind, StallingMind


class Worker(pb.Avatar):
    def __init__(self, name: str) -> None:
        self.later: Deferred[Any] = Deferred()

    def perspective_echo(self, value: Any) -> Any:
        return value

    def perspective_fail(self) -> None:
        raise pb.Error("no")

    def perspective_wait(self) -> Deferred[Any]:
        return self.later


class WorkerTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.realm = MindTrackingRealm(CachingRealm(Worker))
        self.server = MemoryServer(self.realm, limits=Limits(ping_interval=20))
        self.factory: Any = self.server.factory

    def log_in(self, mind: Any = None) -> None:
        self.client = self.server.connect()
        self.perspective = self.client.login("alice", "secret", mind)
        (self.session,) = self.realm.sessions()


class StatsTests(WorkerTestCase):
    def test_traffic(self) -> None:
        self.log_in(RecordingMind())
        before = self.session.stats()
        assert before is not None
        self.client.call(self.perspective, "echo", "x" * 1000)
        self.session.notify("news", "y" * 500)
        self.session.notify("news", "y" * 500, pbanswer=False)
        self.server.flush()
        after = self.session.stats()
        assert after is not None
        self.assertEqual(after.calls_received - before.calls_received, 1)
        self.assertEqual(after.calls_sent - before.calls_sent, 2)
        received = after.bytes_received - before.bytes_received
        sent = after.bytes_sent - before.bytes_sent
        self.assertTrue(1000 < received < 1200, received)
        self.assertTrue(2000 < sent < 2300, sent)
        self.assertEqual((after.waiting_bytes, after.unanswered), (0, 0))

    def test_broadcast(self) -> None:
        """It's written past the send queue."""
        self.log_in(RecordingMind())
        before = self.session.stats()
        assert before is not None
        self.realm.broadcast("news", "y" * 500)
        after = self.session.stats()
        assert after is not None
        sent = after.bytes_sent - before.bytes_sent
        self.assertTrue(500 < sent < 600, sent)

    def test_slow_reader(self) -> None:
        self.log_in(RecordingMind())
        self.client.stop_reading()
        for _ in range(3):
            self.session.notify("news", "y" * 300_000)
        stats = self.session.stats()
        assert stats is not None
        self.assertGreater(stats.waiting_bytes, 500_000)
        self.assertLess(stats.bytes_sent + stats.waiting_bytes, 910_000)
        self.assertGreater(stats.bytes_sent + stats.waiting_bytes, 900_000)
        self.client.start_reading()
        self.server.flush()
        stats = self.session.stats()
        assert stats is not None
        self.assertEqual(stats.waiting_bytes, 0)
        self.assertGreater(stats.bytes_sent, 900_000)

    def test_signs_of_life(self) -> None:
        self.log_in()
        self.server.clock.advance(7)
        stats = self.session.stats()
        assert stats is not None
        self.assertEqual(stats.silent, 7)

    def test_no_pings(self) -> None:
        self.server = MemoryServer(self.realm, limits=Limits(ping_interval=0))
        self.log_in()
        stats = self.session.stats()
        assert stats is not None
        self.assertIsNone(stats.silent)

    def test_oldest_unanswered(self) -> None:
        self.factory.meter = Meter()
        mind = StallingMind()
        self.log_in(mind)
        for _ in range(3):
            self.session.notify("news", 1)
            self.server.clock.advance(2)
        stats = self.session.stats()
        assert stats is not None
        self.assertEqual((stats.unanswered, stats.oldest_unanswered), (3, 6))
        self.server.flush()
        mind.release()
        self.server.flush()
        stats = self.session.stats()
        assert stats is not None
        self.assertEqual((stats.unanswered, stats.oldest_unanswered), (0, None))

    def test_age_of_what_was_called_before(self) -> None:
        """It's noted from the time on that there is a meter."""
        self.log_in(StallingMind())
        self.session.notify("news", 1)
        self.server.clock.advance(5)
        stats = self.session.stats()
        assert stats is not None
        self.assertEqual((stats.unanswered, stats.oldest_unanswered), (1, None))
        self.factory.meter = Meter()
        self.server.clock.advance(5)
        stats = self.session.stats()
        assert stats is not None
        self.assertEqual(stats.oldest_unanswered, 5)

    def test_plain_factory(self) -> None:
        realm = MindTrackingRealm(CachingRealm(Worker))
        server = MemoryServer(realm)
        plain: Any = pb.PBServerFactory(server.factory.root.portal)  # type: ignore[attr-defined]
        server = MemoryServer(realm, factory=plain)
        held = server.connect().login("alice", "secret", RecordingMind())
        (session,) = realm.sessions()
        self.assertIsNone(session.stats())
        del held


class MeterTests(WorkerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.meter = Meter()
        self.factory.meter = self.meter

    def figures(self) -> tuple[int, int]:
        """How many calls were measured, and how many of them have failed."""
        calls = self.meter.calls
        return calls.buckets()[-1][1], calls.failed

    def test_calls(self) -> None:
        self.log_in()
        self.client.call(self.perspective, "echo", 1)
        self.assertRaises(pb.RemoteError, self.client.call, self.perspective, "fail")
        waits = self.perspective.callRemote("wait")
        self.server.flush()
        self.assertEqual(self.figures(), (2, 1))
        before = self.meter.calls.sum
        self.assertGreater(before, 0)
        self.session.avatar.later.callback(1)
        self.server.flush()
        self.assertEqual(self.successResultOf(waits), 1)
        self.assertEqual(self.figures(), (3, 1))
        self.assertGreater(self.meter.calls.sum, before)

    def test_call_that_fails_later(self) -> None:
        self.log_in()
        waits = self.perspective.callRemote("wait")
        self.server.flush()
        self.session.avatar.later.errback(pb.Error("no"))
        self.server.flush()
        self.failureResultOf(waits)
        self.assertEqual(self.figures(), (1, 1))

    def test_logins(self) -> None:
        self.log_in()
        refused = self.server.connect().start_login("alice", "wrong")
        self.server.flush()
        self.failureResultOf(refused)
        self.assertEqual(self.meter.logins.buckets()[-1][1], 1)
        self.assertGreater(self.meter.logins.sum, 0)

    def test_no_more(self) -> None:
        """Also on the connections that there are."""
        self.log_in()
        self.factory.meter = None
        self.client.call(self.perspective, "echo", 1)
        self.assertEqual(self.figures(), (0, 0))
