"""
What a server tells of all its connections.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import Limits, MindTrackingRealm
from pbrealm._server.stats import SLICE_SECONDS
from pbrealm.realms import DisposableRealm
from pbrealm.testing import MemoryServer, RecordingMind, StallingMind
from tests.avatars import Player
from tests.server.resumption_cases import ResumableClient


class StatsTestCase(SynchronousTestCase):
    limits = Limits(ping_interval=0)

    def setUp(self) -> None:
        self.realm = MindTrackingRealm(DisposableRealm(Player))
        self.server = MemoryServer(self.realm, limits=self.limits)
        self.factory: Any = self.server.factory

    def stats(self) -> Any:
        return self.successResultOf(self.factory.stats())


class CarriedTests(StatsTestCase):
    def test_none(self) -> None:
        stats = self.stats()
        self.assertEqual((stats.connections, stats.carried.bytes_sent), (0, 0))

    def test_sum(self) -> None:
        """It is that of the connections that there are, also once they are gone."""
        clients = [self.server.connect() for _ in range(3)]
        held = [client.login("alice", "secret", RecordingMind()) for client in clients]
        for client, perspective in zip(clients, held, strict=True):
            client.call(perspective, "greet")
        self.realm.broadcast("news", "x" * 1000)
        self.server.flush()
        each = [session.stats() for session in self.realm.sessions()]
        before = self.stats()
        self.assertEqual(before.connections, 3)
        for name in ("bytes_received", "bytes_sent", "calls_received", "calls_sent"):
            total = sum(getattr(stats, name) for stats in each)
            self.assertEqual(getattr(before.carried, name), total, name)
            self.assertGreater(total, 2)
        clients[0].drop()
        clients[1].drop()
        after = self.stats()
        self.assertEqual(after.connections, 1)
        self.assertEqual(after.carried, before.carried)

    def test_connections_without_a_login(self) -> None:
        client = self.server.connect()
        before = self.stats().carried
        self.assertGreater(before.bytes_sent, 0)
        client.leave()
        self.assertEqual(self.stats().carried, before)

    def test_lost_meanwhile(self) -> None:
        """A connection that is lost between two slices counts once."""
        clients = [self.server.connect() for _ in range(3)]
        before = self.stats().carried
        clock, now = self.server.clock, 0.0

        def seconds() -> float:
            nonlocal now
            now += 2 * SLICE_SECONDS
            return now

        clock.seconds = seconds  # type: ignore[method-assign]
        stats = self.factory.stats()
        self.assertNoResult(stats)
        for client in clients:
            client.drop()
        clock.seconds = lambda: Clock.seconds(clock)  # type: ignore[method-assign]
        clock.advance(1000)
        self.assertEqual(self.successResultOf(stats).carried, before)
        self.assertEqual(self.stats().carried, before)

    def test_waiting(self) -> None:
        clients = [self.server.connect() for _ in range(2)]
        mind = StallingMind()
        held = [client.login("alice", "secret", mind) for client in clients]
        for client in clients:
            client.stop_reading()
        self.realm.broadcast("news", "x" * 500_000)
        self.realm.broadcast("news", "x" * 500_000)
        stats = self.stats()
        self.assertEqual(stats.unanswered, 4)
        self.assertGreater(stats.waiting_bytes, 1_500_000)
        del held


class ReturnTests(StatsTestCase):
    limits = Limits(ping_interval=0, login_seconds=0, resume_seconds=60)

    def test_client_that_comes_back(self) -> None:
        """All its connections count, each once, and it isn't connected while it is away."""
        alice = ResumableClient(self.server)
        wire = Wire(alice.link)
        before = self.stats().carried
        alice.client.call(alice.perspective, "greet")
        alice.lose()
        stats = self.stats()
        self.assertEqual(stats.connections, 0)
        self.assertEqual(stats.carried.bytes_sent - before.bytes_sent, wire.sent)
        self.assertEqual(stats.carried.bytes_received - before.bytes_received, wire.received)
        before = stats.carried
        alice.come_back()
        wire = Wire(alice.link)
        returned = self.stats()
        self.assertEqual(returned.connections, 1)
        # The return itself, by a connection that isn't one of its own any more.
        self.assertGreater(returned.carried.bytes_received, before.bytes_received)
        alice.client.call(alice.perspective, "greet")
        after = self.stats().carried
        self.assertEqual(after.bytes_sent - returned.carried.bytes_sent, wire.sent)
        self.assertEqual(after.bytes_received - returned.carried.bytes_received, wire.received)
        self.assertGreater(wire.received, 0)


class Wire:
    """
    Counts the bytes of a connection from now on.
    """

    def __init__(self, client: Any) -> None:
        self.received = self.sent = 0
        take_received = client._transport.getOutBuffer
        take_sent = client._server_transport.getOutBuffer

        def received() -> bytes:
            data: bytes = take_received() or b""
            self.received += len(data)
            return data

        def sent() -> bytes:
            data: bytes = take_sent() or b""
            self.sent += len(data)
            return data

        client._transport.getOutBuffer = received
        client._server_transport.getOutBuffer = sent


class ThrottleTests(StatsTestCase):
    limits = Limits(ping_interval=0, throttle_after_failures=2, throttle_seconds=1)

    def refuse(self, times: int) -> None:
        client = self.server.connect()
        for _ in range(times):
            with self.assertRaises(pb.RemoteError):
                client.login("alice", "wrong")

    def test_throttled(self) -> None:
        self.refuse(2)
        client = self.server.connect()
        login = client.start_login("alice", "secret")
        self.server.flush()
        stats = self.stats()
        self.assertEqual((stats.throttled_logins, stats.throttled_logins_total), (1, 1))
        self.server.advance(1)
        held = self.successResultOf(login)
        stats = self.stats()
        self.assertEqual((stats.throttled_logins, stats.throttled_logins_total), (0, 1))
        del held

    def test_left_meanwhile(self) -> None:
        self.refuse(2)
        client = self.server.connect()
        login = client.start_login("alice", "secret")
        self.server.flush()
        client.drop()
        self.failureResultOf(login)
        stats = self.stats()
        self.assertEqual((stats.throttled_logins, stats.throttled_logins_total), (0, 1))


class LimitTests(StatsTestCase):
    limits = Limits(ping_interval=0, connections=1)

    def test_connections(self) -> None:
        clients = [self.server.connect() for _ in range(20)]
        stats = self.stats()
        self.assertEqual((stats.connections, stats.rejected_connections_total), (17, 3))
        with self.assertRaises(pb.PBConnectionLost):
            clients[1].login("alice", "secret")
        self.assertEqual(self.stats().limited_logins_total, 1)
