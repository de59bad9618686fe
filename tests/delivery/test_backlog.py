"""
What happens to a client that takes its messages too slowly.
"""

from typing import Any

from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import (
    Backlog,
    NotificationDropped,
    ObserverSet,
    Reason,
    SharedDict,
    SlowClientPolicy,
)
from pbrealm._delivery import broadcast as broadcast_module
from pbrealm.testing import RecordingMind, StallingMind
from tests.avatars import Player
from tests.delivery.cases import BIG, BroadcastTestCase, Score


class BacklogTests(SynchronousTestCase):
    def test_bad_numbers(self):
        for options in (
            {"soft_bytes": 0},
            {"hard_bytes": -1},
            {"soft_seconds": "1"},
            {"unanswered": True},
            {"soft_bytes": 9, "hard_bytes": 8},
            {"when_slow": "end"},
        ):
            with self.assertRaises(ValueError):
                Backlog(**options)


class SlowClientTests(BroadcastTestCase):
    def setUp(self):
        self.patch(broadcast_module, "SLICE_SECONDS", 1000)

    def tell(self, count, **kw):
        return [self.realm.broadcast("news", n, BIG, **kw) for n in range(count)]

    def numbers(self, mind):
        return [args[0] for method, args in mind.calls if method == "news"]

    def test_hard_bound(self):
        """A client that reads nothing is ended at the hard bound; the others aren't affected."""
        self.serve([RecordingMind(), RecordingMind()], hard_bytes=400_000, soft_bytes=300_000)
        self.clients[0].stop_reading()
        for n in range(30):
            self.realm.broadcast("news", n, BIG, pbanswer=False)
            self.server.flush()
        self.assertIs(self.sessions[0].ended, Reason.TOO_SLOW)
        self.assertIsNone(self.sessions[1].ended)
        self.assertEqual(self.numbers(self.minds[1]), list(range(30)))
        self.server.advance(2)
        self.server.advance(5)
        self.assertFalse(self.clients[0].connected)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_soft_bound(self):
        self.serve([RecordingMind()], hard_bytes=4_000_000, soft_bytes=100_000, soft_seconds=3)
        self.clients[0].stop_reading()
        self.tell(8, pbanswer=False)
        self.server.advance(2)
        self.assertIsNone(self.sessions[0].ended)
        self.server.advance(1)
        self.assertIs(self.sessions[0].ended, Reason.TOO_SLOW)

    def test_goodbye_when_it_reads_again(self):
        """A client that reads again in time gets the goodbye, but not what was dropped."""
        mind = RecordingMind()
        self.serve([mind], hard_bytes=200_000, soft_bytes=100_000)
        self.clients[0].stop_reading()
        self.tell(10, pbanswer=False)
        self.clients[0].start_reading()
        self.server.flush()
        self.assertEqual(mind.goodbyes(), [(6, "too slow", True)])
        self.assertFalse(self.clients[0].connected)

    def test_catches_up(self):
        """A client that reads again within the bounds gets everything, in order."""
        mind = RecordingMind()
        self.serve([mind])
        self.clients[0].stop_reading()
        reports = self.tell(10)
        self.clients[0].start_reading()
        self.server.flush()
        self.assertEqual(self.numbers(mind), list(range(10)))
        for report in reports:
            self.assertEqual(len(self.successResultOf(report).answered), 1)

    def test_dropped(self):
        """Where it's to drop, the report says who was dropped, and the session goes on."""
        for when_slow, got in (
            (SlowClientPolicy.DROP_NEWEST, [0, 1, 2, 3, 4, 5]),
            (SlowClientPolicy.DROP_OLDEST, [0, 1, 6, 7, 8, 9]),
            (SlowClientPolicy.KEEP_LAST, [0, 1, 9]),
        ):
            mind = RecordingMind()
            self.serve([mind], hard_bytes=180_000, soft_bytes=100_000, when_slow=when_slow)
            self.clients[0].stop_reading()
            reports = self.tell(10)
            self.clients[0].start_reading()
            self.server.flush()
            self.assertEqual(self.numbers(mind), got)
            reports = [self.successResultOf(report) for report in reports]
            self.assertEqual(
                [n for n, report in enumerate(reports) if report.dropped],
                sorted(set(range(10)) - set(got)),
            )
            self.assertIsNone(self.sessions[0].ended)
            self.assertEqual(self.clients[0].server_broker.waitingForAnswers, {})

    def test_notify_is_dropped_as_well(self):
        self.serve(
            [RecordingMind()],
            hard_bytes=2000,
            soft_bytes=1000,
            when_slow=SlowClientPolicy.DROP_NEWEST,
        )
        self.clients[0].stop_reading()
        (session,) = self.sessions
        session.notify("news", 0, BIG * 2, pbanswer=False)
        for n in range(1, 100):
            session.notify("news", n, b"x" * 100, pbanswer=False)
        asked = session.notify("news", 100, b"x" * 2000)
        self.failureResultOf(asked, NotificationDropped)
        self.assertIsNone(session.ended)
        self.clients[0].start_reading()
        self.server.flush()
        got = self.numbers(self.minds[0])
        self.assertEqual(got, list(range(len(got))))
        self.assertLess(len(got), 30)

    def test_last_of_each_session(self):
        """Of two sessions on one connection, each keeps its last."""
        self.serve([RecordingMind()], when_slow=SlowClientPolicy.KEEP_LAST)
        bob = RecordingMind()
        self.held.append(self.clients[0].login("bob", "secret", bob))
        self.clients[0].stop_reading()
        self.realm.broadcast("news", 0, BIG * 2, pbanswer=False)
        for number in range(1, 4):
            self.realm.notify("alice", "news", number, pbanswer=False)
            self.realm.notify("bob", "news", -number, pbanswer=False)
        self.clients[0].start_reading()
        self.server.flush()
        self.assertEqual((self.numbers(self.minds[0])[-1], self.numbers(bob)[-1]), (3, -3))

    def test_changes_of_a_copy_are_not_dropped(self):
        observers = ObserverSet()
        score = Score(observers)
        self.patch(Player, "perspective_object", lambda player: score)
        self.serve([None], when_slow=SlowClientPolicy.KEEP_LAST)
        copy = self.clients[0].call(self.held[0], "object")
        seen: list[Any] = []
        copy.observe_points = seen.append
        self.clients[0].broker.locallyCachedObjects[copy.luid].observe_points = seen.append
        self.clients[0].stop_reading()
        score.set(BIG * 2)
        for number in range(5):
            score.set(number)
        self.clients[0].start_reading()
        self.server.flush()
        self.assertEqual(seen[-5:], list(range(5)))

    def test_unanswered(self):
        """A client that reads everything and answers nothing is too slow as well."""
        self.serve([StallingMind(), RecordingMind()], unanswered=20, soft_seconds=2)
        for _ in range(25):
            self.realm.broadcast("news")
            self.sessions[0].notify("news").addErrback(lambda _: None)
            self.server.advance(0.2)
        self.assertIs(self.sessions[0].ended, Reason.TOO_SLOW)
        self.assertEqual(len(self.minds[1].calls), 25)

    def test_many_in_one_go(self):
        """A client that answers gets any that are sent before it can."""
        mind = RecordingMind()
        self.serve([mind])
        (session,) = self.sessions
        answers = [session.notify("news", number) for number in range(3000)]
        report = self.realm.broadcast("news", 3000)
        self.server.flush()
        self.assertIsNone(session.ended)
        self.assertEqual(self.numbers(mind), list(range(3001)))
        for answer in answers:
            self.successResultOf(answer)
        self.assertEqual(len(self.successResultOf(report).answered), 1)

    def test_changes_of_a_shared_dict_are_bounded(self):
        shared = SharedDict()
        self.patch(Player, "perspective_object", lambda player: shared)
        self.serve([None], hard_bytes=200_000, soft_bytes=100_000)
        copy = self.clients[0].call(self.held[0], "object")
        self.clients[0].stop_reading()
        for number in range(100):
            shared["key"] = BIG + b"%d" % number
            self.assertLess(self.waiting(), 300_000)
        self.assertIs(self.sessions[0].ended, Reason.TOO_SLOW)
        self.assertEqual(dict(copy), {})
        self.assertEqual(len(shared), 1)

    def test_dialect_without_a_vocabulary(self):
        """Its notifications aren't encoded beforehand, and are bounded like any."""

        class Speechless(pb.Broker):
            knownDialects = [b"none"]  # as Twisted has it

        factory = pb.PBClientFactory()
        factory.protocol = Speechless
        self.serve([])
        mind = RecordingMind()
        client = self.server.connect(factory)
        self.held.append(client.login("alice", "secret", mind))
        self.clients.append(client)
        (session,) = self.realm.sessions()
        session.notify("news", 1)
        self.server.flush()
        self.assertEqual(self.numbers(mind), [1])
        self.assertEqual(client.server_broker.currentDialect, b"none")
        client.stop_reading()
        for number in range(500):
            session.notify("news", number, BIG, pbanswer=False).addErrback(lambda _: None)
            self.assertLess(self.waiting(), 8 * 1024 * 1024 + 50_000)
        self.assertIs(session.ended, Reason.TOO_SLOW)
