"""
One message to many: in slices, in order, within bounds.
"""

from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import (
    Backlog,
    CachingRealm,
    ClientSet,
    MindTrackingRealm,
    NotificationDropped,
    ObserverSet,
    Reason,
    SlowClientPolicy,
)
from pbrealm._delivery import broadcast as deliver_module
from pbrealm.testing import MemoryServer, RecordingMind, StallingMind, make_portal
from tests.avatars import Player
from tests.delivery.test_client_sets import Score

BIG = b"x" * 40_000


class DeliverTestCase(SynchronousTestCase):
    def serve(self, minds, plain=False, **backlog):
        self.realm = MindTrackingRealm(CachingRealm(Player))
        factory = None
        if plain:
            factory = pb.PBServerFactory(make_portal(self.realm, {"alice": "secret"}))
        self.server = MemoryServer(
            self.realm, backlog=Backlog(**backlog) if backlog else None, factory=factory
        )
        self.minds = minds
        self.clients = [self.server.connect() for _ in minds]
        self.held = [
            client.login("alice", "secret", mind)
            for client, mind in zip(self.clients, minds, strict=True)
        ]
        self.sessions = self.realm.sessions()


class SliceTests(DeliverTestCase):
    """
    Deliveries that are too long for one round of the reactor: here, of more than one client.
    """

    def setUp(self):
        self.serve([RecordingMind(number) for number in range(5)])
        self.patch(deliver_module, "SLICE_SECONDS", -1)
        self.patch(deliver_module, "_CLOCK_INTERVAL", 1)

    def calls(self):
        return [[method for method, _ in mind.calls] for mind in self.minds]

    def test_yields(self):
        report = self.realm.broadcast("one")
        self.assertEqual(len(self.server.clock.getDelayedCalls()), 1)
        self.server.flush()
        self.assertEqual(self.calls(), [["one"]] * 5)
        self.assertEqual(list(self.successResultOf(report).answered.values()), list(range(5)))
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_no_answers(self):
        report = self.realm.broadcast("one", pbanswer=False)
        self.assertNoResult(report)
        self.server.flush()
        self.assertEqual(len(self.successResultOf(report).answered), 5)

    def test_unreadable_answer(self):
        """Who answers with what can't be read is cut off, and counts as gone."""
        report = self.realm.broadcast("one")
        self.server.clock.advance(0)
        client = self.clients[0]
        (request_id,) = client.server_broker.waitingForAnswers
        client.broker.sendCall(b"answer", request_id, [b"of no such type"])
        self.server.flush()
        result = self.successResultOf(report)
        self.assertEqual((result.gone, len(result.answered)), ([self.sessions[0]], 4))

    def test_is_not_overtaken(self):
        """Neither by another broadcast, nor by a notification to one client."""
        self.realm.broadcast("one", pbanswer=False)
        self.sessions[4].notify("two", pbanswer=False)
        self.realm.notify("alice", "three", pbanswer=False)
        self.sessions[3].notify("four", pbanswer=False)
        self.server.flush()
        self.assertEqual(
            self.calls(),
            [
                ["one", "three"],
                ["one", "three"],
                ["one", "three"],
                ["one", "three", "four"],
                ["one", "two", "three"],
            ],
        )

    def test_some_leave_meanwhile(self):
        report = self.realm.broadcast("one")
        self.clients[4].drop()
        self.server.flush()
        self.assertEqual(self.successResultOf(report).gone, [self.sessions[4]])
        self.assertEqual(self.calls(), [["one"]] * 4 + [[]])

    def test_cancel(self):
        """What isn't sent yet is sent; nobody is waited for."""
        report = self.realm.broadcast("one")
        report.cancel()
        self.assertEqual(len(self.successResultOf(report).failed), 5)
        self.server.flush()
        self.assertEqual(self.calls(), [["one"]] * 5)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_the_last_one_has_no_mind(self):
        """A last one that fails at once doesn't end it twice."""
        self.held.append(self.server.connect().login("alice", "secret"))
        report = self.realm.broadcast("one", pbanswer=False)
        self.server.flush()
        self.assertEqual(len(self.successResultOf(report).failed), 1)

    def test_logged_out_meanwhile(self):
        """Nothing reaches the mind of a session that is over, its connection there or not."""
        other = self.clients[4].login("bob", "secret")
        report = self.realm.broadcast("one")
        del self.held[4]
        self.clients[4].pump()
        self.server.flush()
        self.assertEqual(self.successResultOf(report).gone, [self.sessions[4]])
        self.assertEqual(self.calls()[4], [])
        del other

    def test_one_mind_twice(self):
        clients = ClientSet(clock=self.server.clock)
        clients.add(self.sessions[0])
        clients.add(self.sessions[0].mind)
        clients.notify("one", pbanswer=False)
        self.server.flush()
        self.assertEqual(self.calls()[0], ["one", "one"])


class SameBytesTests(DeliverTestCase):
    """
    What one delivery writes is what C{callRemote} would write to each.
    """

    def written(self, plain, call, arguments, answer):
        """What goes to a new client when it's called."""
        self.serve([RecordingMind()], plain)
        call(self)("tell", *arguments, **answer)
        written = b"".join(self.clients[0].server_broker.transport.stream)
        self.server.flush()
        self.assertEqual(len(self.minds[0].calls), 1)
        return written

    def check(self, plain):
        shared = ["news"]
        arguments = (shared, shared, {"n": 1.5, b"k": (None, True)}, 2**70)
        for answer in ({}, {"pbanswer": 0}):
            by_us = self.written(plain, lambda test: test.realm.broadcast, arguments, answer)
            by_pb = self.written(
                plain, lambda test: test.sessions[0].mind.callRemote, arguments, answer
            )
            self.assertEqual(by_us, by_pb)

    def test_under_our_factory(self):
        self.check(plain=False)

    def test_under_plain_pb(self):
        self.check(plain=True)

    def test_observers(self):
        observers = ObserverSet()
        score = Score(observers)
        self.patch(Player, "perspective_object", lambda player: score)
        self.serve([RecordingMind(), RecordingMind()])
        observers._clock = self.server.clock
        self.copies = [
            client.call(reference, "object")
            for client, reference in zip(self.clients, self.held, strict=True)
        ]
        one = self.clients[0].server_broker
        observers.notify("points", 7, pbanswer=0)
        written = b"".join(one.transport.stream)
        one.transport.stream.clear()
        one.currentRequestID -= 1
        first, _ = observers
        first.callRemote("points", 7, pbanswer=0)
        self.assertEqual(written, b"".join(one.transport.stream))
        self.server.flush()
        self.assertEqual([copy.points for copy in self.copies], [7, 7])

    def test_what_means_something_to_each(self):
        """References take the ordinary way, in the same order."""
        self.serve([RecordingMind(), RecordingMind()])
        self.realm.broadcast("one", pbanswer=0)
        self.realm.broadcast("two", pb.Referenceable(), pbanswer=0)
        self.realm.broadcast("three", pbanswer=0)
        self.server.flush()
        for mind in self.minds:
            self.assertEqual([method for method, _ in mind.calls], ["one", "two", "three"])
            self.assertIsInstance(mind.calls[1][1][0], pb.RemoteReference)


class SlowClientTests(DeliverTestCase):
    def setUp(self):
        self.patch(deliver_module, "SLICE_SECONDS", 1000)

    def tell(self, count, **kw):
        return [self.realm.broadcast("news", n, BIG, **kw) for n in range(count)]

    def numbers(self, mind):
        return [args[0] for method, args in mind.calls if method == "news"]

    def test_ends(self):
        """One that reads nothing is ended at the hard bound; the others notice nothing."""
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

    def test_is_told(self):
        """One that reads again in time gets the goodbye, though not what it missed."""
        mind = RecordingMind()
        self.serve([mind], hard_bytes=200_000, soft_bytes=100_000)
        self.clients[0].stop_reading()
        self.tell(10, pbanswer=False)
        self.clients[0].start_reading()
        self.server.flush()
        self.assertEqual(mind.goodbyes(), [(6, "too slow", True)])
        self.assertFalse(self.clients[0].connected)

    def test_catches_up(self):
        """One that reads again before it's too late gets everything, in order."""
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
        seen = []
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
        """One that takes everything and answers nothing is too slow as well."""
        self.serve([StallingMind(), RecordingMind()], unanswered=20)
        for _ in range(25):
            self.realm.broadcast("news")
            self.sessions[0].notify("news").addErrback(lambda _: None)
            self.server.flush()
        self.assertIs(self.sessions[0].ended, Reason.TOO_SLOW)
        self.assertEqual(len(self.minds[1].calls), 25)

    def test_answers_are_bounded(self):
        """A client that calls and doesn't read isn't listened to until it does."""
        self.patch(Player, "perspective_later", lambda player: BIG)
        self.serve([None])
        self.clients[0].stop_reading()
        answers = []
        for _ in range(100):
            answers.append(self.held[0].callRemote("later"))
            self.server.flush()
        stream = self.clients[0].server_broker.transport.stream
        self.assertLess(sum(map(len, stream)), 200_000)
        self.clients[0].start_reading()
        self.server.flush()
        self.assertEqual([len(self.successResultOf(answer)) for answer in answers], [40_000] * 100)
