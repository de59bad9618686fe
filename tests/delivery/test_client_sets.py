"""
The sets of clients that avatars keep; what they avoid is in L{tests.pitfalls.test_minds}.
"""

from typing import Any

from twisted.cred.portal import IRealm
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import CachingRealm, ClientSet, MindTrackingRealm, NoMind, ObserverSet, Reason
from pbrealm.testing import FailingMind, MemoryServer, RecordingMind, VanishingMind, make_portal
from tests.avatars import Player
from tests.delivery.cases import Score


class ClientSetTests(SynchronousTestCase):
    def setUp(self):
        self.realm = MindTrackingRealm(CachingRealm(Player))
        self.server = MemoryServer(self.realm)
        self.minds = [RecordingMind("one"), FailingMind(), RecordingMind("three")]
        self.clients = [self.server.connect() for _ in self.minds]
        self.held = [
            client.login("alice", "secret", mind)
            for client, mind in zip(self.clients, self.minds, strict=True)
        ]
        self.sessions = self.realm.sessions()
        self.set = ClientSet(clock=self.server.clock)
        for session in self.sessions:
            self.set.add(session)

    def test_add_twice(self):
        self.set.add(self.sessions[0])
        self.assertEqual(list(self.set), list(self.sessions))

    def test_attributes_that_a_client_has_chosen(self):
        """What a client sends may look like anything.  In a set it can't be called."""
        copies: list[Any] = [pb.CopiedFailure.__new__(pb.CopiedFailure) for _ in range(2)]
        for name, copied in zip(("__provides__", "__providedBy__"), copies, strict=True):
            vars(copied)[name] = b"anything"
            self.set.add(copied)
        self.assertEqual(list(self.set), [*self.sessions, *copies])
        sent = self.set.notify("news")
        self.server.flush()
        report = self.successResultOf(sent)
        self.assertEqual(len(report.answered), 2)
        self.assertEqual(len(report.failed) + len(report.gone), 3)

    def test_discard_twice(self):
        self.set.discard(self.sessions[0])
        self.set.discard(self.sessions[0])
        self.assertEqual(list(self.set), list(self.sessions[1:]))
        self.assertNotIn(self.sessions[0], self.set)

    def test_nothing_is_left_behind(self):
        """A member that is discarded doesn't keep the set, nor the set it."""
        before = [len(session._on_end or ()) for session in self.sessions]
        disconnects = len(self.clients[0].server_broker.disconnects)
        mind = self.sessions[0].mind
        for _ in range(3):
            self.set.discard(self.sessions[0])
            self.set.add(mind)
            self.set.discard(mind)
            self.set.add(self.sessions[0])
        self.assertEqual([len(session._on_end or ()) for session in self.sessions], before)
        self.assertEqual(len(self.clients[0].server_broker.disconnects), disconnects)

    def test_ended_sessions_leave(self):
        self.sessions[1].end(Reason.KICKED)
        self.clients[0].drop()
        self.assertEqual(list(self.set), [self.sessions[2]])
        self.set.add(self.sessions[0])
        self.assertEqual(len(self.set), 1)

    def test_changes_during_iteration(self):
        for session in self.set:
            self.set.discard(session)
        self.assertEqual(len(self.set), 0)

    def test_notify(self):
        notified = self.set.notify("news", 1)
        self.server.flush()
        report = self.successResultOf(notified)
        self.assertEqual(report.answered[self.sessions[0]], "one")
        self.assertEqual(report.failed[self.sessions[1]].value, "news fails")
        self.assertEqual(len(self.set), 3)

    def test_without_a_mind(self):
        """A client without a mind stays a member, and the report names it."""
        self.held.append(self.server.connect().login("bob", "secret"))
        (bob,) = self.realm.sessions("bob")
        self.set.add(bob)
        report = self.set.notify("news")
        self.server.flush()
        self.successResultOf(report).failed[bob].trap(NoMind)
        self.assertIn(bob, self.set)

    def test_dead_clients_are_dropped(self):
        """A mind whose client vanishes is dropped, and is in the report."""
        vanishing = VanishingMind()
        vanishing.client = self.server.connect()
        self.held.append(vanishing.client.login("bob", "secret", vanishing))
        (bob,) = self.realm.sessions("bob")
        minds = ClientSet(clock=self.server.clock)
        for session in (*self.sessions, bob):
            minds.add(session.mind)
        notified = minds.notify("news")
        self.server.flush()
        report = self.successResultOf(notified)
        self.assertEqual([id(mind) for mind in report.gone], [id(bob.mind)])
        self.assertEqual(report.answered[self.sessions[2].mind], "three")
        self.assertEqual(len(minds), 3)

    def test_anything_with_callRemote(self):
        """What has no broker is taken for alive until it's discarded."""

        class Local:
            def callRemote(self, method, *args):
                return (method, args)

        local = Local()
        clients = ClientSet(clock=self.server.clock)
        clients.add(local)
        report = self.successResultOf(clients.notify("news", 1))
        self.assertEqual(report.answered[local], ("news", (1,)))
        clients.discard(local)
        self.assertEqual(len(clients), 0)


@implementer(IRealm)
class Chat(pb.Avatar):
    """A hand-written realm, and the avatar of everybody, that forgets to discard."""

    def __init__(self, clock: IReactorTime) -> None:
        self.clients = ClientSet(clock=clock)

    def requestAvatar(self, avatarId: object, mind: object, *interfaces: object) -> Any:
        self.clients.add(mind)
        return pb.IPerspective, self, lambda: None


class WithoutTheRestTests(SynchronousTestCase):
    def test_hand_written_realm(self):
        """The set tells its members apart, and drops the dead by itself."""
        clock = Clock()
        chat = Chat(clock)
        factory = pb.PBServerFactory(make_portal(chat, {"alice": "secret"}))
        server = MemoryServer(chat, clock=clock, factory=factory)
        minds = [RecordingMind(number) for number in range(4)]
        clients = [server.connect() for _ in minds]
        held = [
            client.login("alice", "secret", mind)
            for client, mind in zip(clients, minds, strict=True)
        ]
        self.assertEqual(len(chat.clients), 4)
        clients[0].drop()
        clients[1].leave()
        server.flush()
        self.assertEqual(len(chat.clients), 2)
        report = chat.clients.notify("news")
        server.flush()
        self.assertEqual(list(self.successResultOf(report).answered.values()), [2, 3])
        self.assertEqual([len(mind.calls) for mind in minds], [0, 0, 1, 1])
        del held


class ObserverSetTests(SynchronousTestCase):
    def setUp(self):
        realm = CachingRealm(Player)
        self.server = MemoryServer(realm)
        self.observers = ObserverSet(clock=self.server.clock)
        self.score = Score(self.observers)
        self.patch(Player, "perspective_object", lambda player: self.score)
        self.clients = [self.server.connect() for _ in range(2)]
        self.held = [client.login("alice", "secret") for client in self.clients]
        self.copies = [
            client.call(reference, "object")
            for client, reference in zip(self.clients, self.held, strict=True)
        ]

    def test_changes_reach_the_copies(self):
        report = self.score.set(7)
        self.server.flush()
        self.assertEqual([copy.points for copy in self.copies], [7, 7])
        self.assertEqual(len(self.successResultOf(report).answered), 2)

    def test_observed_twice(self):
        """One client is one observer, however often it's given the object."""
        again = self.clients[0].call(self.held[0], "object")
        self.assertEqual(len(self.observers), 2)
        del again

    def test_dropped_copy(self):
        del self.copies[0]
        self.server.flush()
        self.assertEqual(len(self.observers), 1)
        self.score.set(8)
        self.server.flush()
        self.assertEqual(self.copies[0].points, 8)

    def test_client_leaves(self):
        self.clients[0].drop()
        self.assertEqual(len(self.observers), 1)
        self.score.set(9)
        self.server.flush()
        self.assertEqual(self.copies[1].points, 9)

    def test_observers_that_nobody_discards(self):
        """The set drops the dead by itself, also if C{stoppedObserving} is forgotten."""
        self.patch(Score, "stoppedObserving", lambda *_: None)
        for client in self.clients:
            client.drop()
        self.assertEqual(len(self.observers), 0)
        self.assertEqual(len(self.successResultOf(self.score.set(1)).gone), 0)
