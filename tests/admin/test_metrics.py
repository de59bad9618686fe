"""
What Prometheus reads.
"""

from __future__ import annotations

import re
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.spread import pb

from pbrealm import CachingRealm, ConnectionLimitedRealm, Limits, MindTrackingRealm
from pbrealm._delivery.outcomes import NOTIFICATIONS
from pbrealm.admin import AdminService
from pbrealm.admin._metrics import METRICS_TYPE
from pbrealm.testing import RecordingMind, StallingMind
from tests.admin.admin_case import AdminTestCase, MemoryEndpoint
from tests.documents import ROOT


class Worker(pb.Avatar):
    """
    Works at once, later or not at all.
    """

    def __init__(self, avatar_id: str) -> None:
        self.later: Deferred[Any] = Deferred()

    def perspective_echo(self, value: Any) -> Any:
        return value

    def perspective_fail(self) -> None:
        raise pb.Error("no")


class MetricsTestCase(AdminTestCase):
    def make_realm(self) -> MindTrackingRealm[Any]:
        return MindTrackingRealm(ConnectionLimitedRealm(CachingRealm(Worker), limit=5))

    def scrape(self) -> dict[Any, float]:
        """The value of each sample, by its name without the prefix, and the value of its label."""
        self.server.advance(1)
        return self.samples(self.connect().ask("GET", "/metrics"))

    def samples(self, response: Any) -> dict[Any, float]:
        self.assertEqual((response.status, response.headers["content-type"]), (200, METRICS_TYPE))
        samples: dict[Any, float] = {}
        for family in text_string_to_metric_families(response.body.decode("utf-8")):
            for sample in family.samples:
                name = sample.name.removeprefix("pbrealm_")
                key = (name, *sample.labels.values()) if sample.labels else name
                self.assertNotIn(key, samples)
                samples[key] = sample.value
        return samples


class MetricsTests(MetricsTestCase):
    def test_none(self) -> None:
        """All is there from the start, or a rate would miss the first of each."""
        samples = self.scrape()
        for name in ("sessions", "sessions_away", "avatars", "connections", "logins_total"):
            self.assertEqual(samples[name], 0, name)
        for name in ("refusals_total", "ends_total"):
            self.assertEqual(samples[name, "kicked"], 0)
        self.assertEqual(samples["notifications_total", "answered"], 0)
        self.assertEqual(samples["call_seconds_count"], 0)
        self.assertEqual(samples["draining"], 0)
        self.assertGreater(samples["process_cpu_seconds_total"], 0)
        (build,) = [key for key in samples if key[0] == "build_info"]
        self.assertEqual(len(build), 4)

    def test_sessions(self) -> None:
        self.log_in()
        self.log_in()
        self.log_in("bob")
        self.server.connect()
        samples = self.scrape()
        self.assertEqual(samples["sessions"], 3)
        self.assertEqual(samples["avatars"], 2)
        self.assertEqual(samples["connections"], 4)
        self.assertEqual(samples["logins_total"], 3)
        self.assertEqual(samples["login_seconds_count"], 3)

    def test_ends_and_refusals(self) -> None:
        for _ in range(2):
            self.server.connect().start_login("alice", "wrong").addErrback(lambda _: None)
            self.log_in().leave()
        self.log_in()
        self.realm.sessions()[0].end()
        self.server.flush()
        samples = self.scrape()
        self.assertEqual(samples["sessions"], 0)
        self.assertEqual(samples["logins_total"], 3)
        self.assertEqual(samples["ends_total", "disconnected"], 2)
        self.assertEqual(samples["ends_total", "kicked"], 1)
        self.assertEqual(samples["refusals_total", "refused"], 2)

    def test_calls(self) -> None:
        client = self.log_in()
        (alice,) = self.references
        before = self.scrape()
        for _ in range(3):
            client.call(alice, "echo", "x" * 1000)
        self.assertRaises(pb.RemoteError, client.call, alice, "fail")
        client.leave()
        after = self.scrape()
        for name, most in (
            ("calls_received_total", 4),
            ("call_seconds_count", 4),
            ("call_failures_total", 1),
            ("sent_bytes_total", 5000),
            ("received_bytes_total", 5000),
        ):
            grown = after[name] - before[name]
            self.assertTrue(0.6 * most <= grown <= most, f"{name}: {grown}")
        self.assertGreater(after["call_seconds_sum"], 0)
        self.assertEqual(after["call_seconds_bucket", "+Inf"], 4)

    def test_notifications(self) -> None:
        self.log_in(mind=RecordingMind())
        self.log_in("bob", mind=StallingMind())
        self.realm.broadcast("news")
        self.server.flush()
        samples = self.scrape()
        self.assertEqual(samples["notifications_total", "answered"], 1)
        self.assertEqual(samples["unanswered_calls"], 1)
        self.assertEqual(samples["calls_sent_total"], 2)
        self.server.advance(30)
        self.assertEqual(self.scrape()["notifications_total", "timed_out"], 1)

    def test_waiting_bytes(self) -> None:
        self.log_in(mind=RecordingMind()).stop_reading()
        for _ in range(2):
            self.realm.broadcast("news", "x" * 300_000)
        self.assertGreater(self.scrape()["waiting_bytes"], 300_000)

    def test_draining(self) -> None:
        self.log_in()
        self.server.factory.drain(10)  # type: ignore[attr-defined]  # it is a ServerFactory
        self.assertEqual(self.scrape()["draining"], 1)

    def test_lag(self) -> None:
        before = self.scrape()["reactor_lag_seconds_sum"]
        self.clock.advance(5)
        after = self.scrape()["reactor_lag_seconds_sum"]
        # The clock of this test is late itself.
        self.assertGreater(after - before, 4.8)

    def test_hostile_names(self) -> None:
        """Nothing that clients choose is in the metrics."""
        self.log_in("<script>", mind=RecordingMind())
        self.server.connect().start_login('x"}\n', "y").addErrback(lambda _: None)
        self.server.flush()
        self.assertNotIn(b"<script", self.connect().ask("GET", "/metrics").body)
        names = [key[0] if isinstance(key, tuple) else key for key in self.scrape()]
        self.assertNotIn("x", names)

    def test_described(self) -> None:
        (described,) = [
            operation["get"]["responses"]["200"]["content"]
            for path, operation in self.description()["paths"].items()
            if path == "/metrics"
        ]
        self.assertEqual(described, {METRICS_TYPE: {"schema": {"type": "string"}}})

    def test_document(self) -> None:
        """The document lists each metric, with its type and labels."""
        text = self.connect().ask("GET", "/metrics").body.decode("utf-8")
        present = set()
        for family in text_string_to_metric_families(text):
            if family.name.startswith("pbrealm_"):
                total = "_total" if family.type == "counter" else ""
                histogram = family.type == "histogram"
                labels = [] if histogram else list(family.samples[0].labels)
                present.add((family.name + total, frozenset(labels), family.type))
        document = (ROOT / "docs" / "operation.md").read_text("utf-8")
        listed = [
            (name, frozenset(filter(None, labels.split(","))), kind)
            for name, labels, kind in re.findall(
                r"^\| `(\w+)(?:\{([\w,]*)\})?` \| (\w+) \|", document, re.MULTILINE
            )
        ]
        self.assertEqual(set(listed), present)
        self.assertEqual(len(listed), len(present))

    def test_fresh(self) -> None:
        """They are gathered once a second at most, also if the clock is set back."""
        ask = self.connect
        self.assertEqual(self.samples(ask().ask("GET", "/metrics"))["sessions"], 0)
        self.log_in()
        self.assertEqual(self.samples(ask().ask("GET", "/metrics"))["sessions"], 0)
        self.clock.rightNow -= 10
        self.assertEqual(self.samples(ask().ask("GET", "/metrics"))["sessions"], 1)

    def test_two_services(self) -> None:
        """On a socket and on TCP, say: each has all metrics, also when the other stops."""
        endpoint = MemoryEndpoint()
        other = AdminService(
            self.realm,
            self.server.factory,  # type: ignore[arg-type]  # it is a ServerFactory
            endpoint,
            reactor=self.clock,
        )
        other.startService()
        client = self.log_in()
        client.call(self.references[0], "echo", 1)
        other.stopService()
        client.call(self.references[0], "echo", 1)
        samples = self.scrape()
        self.assertEqual((samples["logins_total"], samples["call_seconds_count"]), (1, 2))

    def test_stop(self) -> None:
        """Nothing is measured any more."""
        self.service.stopService()
        factory: Any = self.server.factory
        self.assertIsNone(factory.meter)
        self.assertIsNone(NOTIFICATIONS.counts)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class SlowClock(Clock):
    """
    A clock by which each look at it takes a quarter of a millisecond, once L{slow}.

    @ivar rounds: how many calls there were from the next round on.
    """

    slow = False
    rounds = 0

    def callLater(self, delay: float, *call: Any, **kw: Any) -> Any:
        self.rounds += not delay
        return super().callLater(delay, *call, **kw)

    def seconds(self) -> float:
        if self.slow:
            self.rightNow += 0.00025
        return self.rightNow


class SliceTests(MetricsTestCase):
    """
    Very many sessions are looked at in slices.
    """

    limits = Limits(login_seconds=0, ping_interval=0, logins=1000, connections=1000)

    clock_class = SlowClock
    clock: SlowClock

    def ask_slowly(self) -> Any:
        connection = self.connect()
        self.clock.slow = True
        connection.channel.dataReceived(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return connection

    def test_slices(self) -> None:
        for name in ("alice", "bob", "carol"):
            for _ in range(5):
                self.log_in(name)
        before = self.clock.rounds
        connection = self.ask_slowly()
        self.clock.advance(0)
        self.clock.slow = False
        # Two looks at the clock in a slice, and 30 in all, one at each session and connection.
        self.assertIn(self.clock.rounds - before, range(10, 31))
        samples = self.samples(connection.response())
        self.assertEqual((samples["sessions"], samples["connections"]), (15, 15))

    def test_client_that_goes_while_it_waits_for_another(self) -> None:
        """What it waited for goes on, and nobody after it waits in vain."""
        for _ in range(5):
            self.log_in()
        connections = [self.ask_slowly() for _ in range(3)]
        self.clock.advance(0)
        self.clock.slow = False
        self.clock.advance(0)
        for connection in connections[:2]:
            connection.lose()
        connections[2].turn()
        self.assertEqual(self.samples(connections[2].response())["sessions"], 5)
        self.clock.advance(2)
        connection = self.connect()
        self.assertEqual(self.samples(connection.ask("GET", "/metrics"))["sessions"], 5)

    def test_client_that_goes(self) -> None:
        """Another one is answered all the same."""
        for _ in range(5):
            self.log_in()
        connections = [self.ask_slowly(), self.ask_slowly(), self.ask_slowly()]
        self.clock.advance(0)
        self.clock.advance(0)
        for connection in connections[:2]:
            connection.lose()
        self.clock.slow = False
        connections[2].turn()
        self.assertEqual(self.samples(connections[2].response())["sessions"], 5)
