"""
The sessions of a realm, and calls to all of their minds.
"""

from typing import Any

from twisted.spread import pb

from pbrealm import CachingRealm, ClientSet, MindTrackingRealm, NoMind, NotifyTimeout
from pbrealm.testing import (
    FailingMind,
    MemoryServer,
    RecordingMind,
    StallingMind,
    VanishingMind,
    make_portal,
)
from tests.avatars import Player
from tests.realms.cases import RealmTestCase, WrappingMixin


class MindTrackingTests(WrappingMixin, RealmTestCase):
    def wrap(self, realm):
        return MindTrackingRealm(realm, timeout=5)

    def test_sessions(self):
        realm = self.wrap(CachingRealm(Player))
        a, b, c = (self.session(realm, name) for name in ("alice", "bob", "alice"))
        self.assertEqual(realm.sessions(), (a, b, c))
        self.assertEqual(realm.sessions("alice"), (a, c))
        self.assertEqual(realm.sessions("nobody"), ())
        self.assertIs(realm.session(b.id), b)
        a.end()
        self.assertIsNone(realm.session(a.id))
        self.assertEqual(realm.sessions(), (b, c))
        self.assertEqual(realm.sessions("alice"), (c,))
        c.end()
        self.assertEqual(realm.sessions("alice"), ())

    def test_bad_timeouts(self):
        bad: list[Any] = [0, -1, "5"]
        for timeout in bad:
            with self.assertRaises(ValueError):
                MindTrackingRealm(CachingRealm(Player), timeout=timeout)
            with self.assertRaises(ValueError):
                ClientSet(timeout=timeout)


class BroadcastTests(RealmTestCase):
    def serve(self, minds, make_factory=None, timeout=5):
        self.realm = MindTrackingRealm(CachingRealm(Player, clock=self.clock), timeout=timeout)
        passwords = {"alice": "secret", "bob": "secret"}
        factory = make_factory and make_factory(make_portal(self.realm, passwords))
        self.server = MemoryServer(self.realm, factory=factory)
        self.clients = [self.server.connect() for _ in minds]
        self.held = [
            client.login("alice", "secret", mind)
            for client, mind in zip(self.clients, minds, strict=True)
        ]

    def test_any_time(self):
        """Without a timeout, whoever is there may take any time to answer."""
        late = StallingMind("late")
        self.serve([late, RecordingMind("at once"), StallingMind("never")], timeout=None)
        broadcast = self.realm.broadcast("news")
        self.server.advance(86_400)
        self.assertNoResult(broadcast)
        late.release()
        self.clients[2].drop()
        self.server.flush()
        report = self.successResultOf(broadcast)
        self.assertEqual(list(report.answered.values()), ["at once", "late"])
        self.assertEqual(len(report.gone), 1)

    def test_cancelled_without_a_timeout(self):
        self.serve([StallingMind()])
        report = self.realm.broadcast("news", pbtimeout=None)
        report.cancel()
        (why,) = self.successResultOf(report).failed.values()
        self.assertTrue(why.check(NotifyTimeout))

    def test_timeout_of_one_call(self):
        self.serve([StallingMind()])
        (session,) = self.realm.sessions()
        clients = ClientSet(clock=self.clock)
        clients.add(session)
        reports = [
            self.realm.broadcast("news", pbtimeout=2),
            self.realm.notify("alice", "news", pbtimeout=2),
            clients.notify("news", pbtimeout=2),
            clients.notify_some([session], "news", pbtimeout=2),
        ]
        self.server.advance(2)
        for report in reports:
            self.assertEqual(len(self.successResultOf(report).failed), 1)

    def test_notify(self):
        one, two = RecordingMind("one"), RecordingMind("two")
        self.serve([one, two])
        bob = RecordingMind()
        self.held_too = self.server.connect().login("bob", "secret", bob)
        report = self.realm.notify("alice", "news", 1)
        self.server.flush()
        answers = self.successResultOf(report).answered
        self.assertEqual([answers[s] for s in self.realm.sessions("alice")], ["one", "two"])
        self.assertEqual(bob.calls, [])

    def test_notify_nobody(self):
        report = self.successResultOf(
            MindTrackingRealm(CachingRealm(Player)).notify("alice", "news")
        )
        self.assertEqual((len(report.answered), len(report.failed), report.gone), (0, 0, []))

    def test_broadcast(self):
        """Whatever the clients do, all are told, and the report says what came of it."""
        for make_factory in (None, pb.PBServerFactory):
            vanishing = VanishingMind()
            minds = [RecordingMind("fine"), FailingMind(), StallingMind(), vanishing]
            self.serve([*minds, *([None] if make_factory is None else [])], make_factory)
            vanishing.client = self.clients[3]
            sessions = self.realm.sessions()
            broadcast = self.realm.broadcast("news", {"n": 1}, loud=True)
            self.server.flush()
            self.assertNoResult(broadcast)
            self.server.advance(5)
            report = self.successResultOf(broadcast)
            self.assertEqual(
                {s: report.answered[s] for s in report.answered}, {sessions[0]: "fine"}
            )
            mindless = list(sessions[4:])
            self.assertEqual(set(report.failed), {*sessions[1:3], *mindless})
            self.assertEqual(report.failed[sessions[1]].value, "news fails")
            report.failed[sessions[2]].trap(NotifyTimeout)
            for session in mindless:
                report.failed[session].trap(NoMind)
            self.assertEqual(report.gone, [sessions[3]])
            self.assertEqual([len(mind.calls) for mind in minds], [1, 1, 1, 1])
            self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_no_answers(self):
        mind = RecordingMind("fine")
        self.serve([mind])
        report = self.successResultOf(self.realm.broadcast("news", pbanswer=False))
        self.assertEqual(list(report.answered.values()), [None])
        self.server.flush()
        self.assertEqual(mind.calls, [("news", ())])

    def test_cancel(self):
        """A broadcast that is cancelled stops waiting, and reports who hasn't answered."""
        self.serve([StallingMind(), RecordingMind("fine")])
        broadcast = self.realm.broadcast("news")
        self.server.flush()
        broadcast.cancel()
        report = self.successResultOf(broadcast)
        self.assertEqual((len(report.answered), len(report.failed)), (1, 1))
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_arguments_that_cannot_be_sent(self):
        """An argument that can't be sent is each client's failure; nothing is raised."""
        self.serve([RecordingMind(), RecordingMind()])
        report = self.successResultOf(self.realm.broadcast("news", 2**500))
        self.assertEqual(len(report.failed), 2)

    def test_calls_that_cannot_be_made(self):
        """Nothing is raised for them either; and the next call is made as any."""
        odd: list[Any] = [5, None, [], "\ud800", "x" * 700_000]
        for make_factory in (None, pb.PBServerFactory):
            minds = [RecordingMind(), RecordingMind()]
            self.serve(minds, make_factory)
            sessions = self.realm.sessions()
            clients = ClientSet(clock=self.server.clock)
            for session in sessions:
                clients.add(session)
            for method in odd:
                for call in (self.realm.broadcast, clients.notify):
                    report = self.successResultOf(call(method))
                    self.assertEqual(list(report.failed), list(sessions))
                report = self.successResultOf(self.realm.notify("alice", method))
                self.assertEqual(list(report.failed), list(sessions))
                self.failureResultOf(sessions[0].notify(method))
            self.realm.broadcast("news")
            self.server.flush()
            self.assertEqual([mind.calls for mind in minds], [[("news", ())]] * 2)

    def test_keywords_named_as_parameters(self):
        mind = RecordingMind()
        self.serve([mind])
        self.realm.broadcast("news", method="post", avatar_id=1)
        self.realm.notify("alice", "news", method="post", avatar_id=1)
        self.server.flush()
        self.assertEqual(len(mind.calls), 2)
