"""
Pitfalls 7 to 9 and 13: minds are no safe keys, one that is dead raises, and a shared avatar
can't tell its callers apart.
"""

from typing import Any

from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import CachingRealm, ClientSet, MindTrackingRealm, ObserverSet
from pbrealm.testing import MemoryServer, RecordingMind
from tests.avatars import Player
from tests.pitfalls.handwritten import Observed


class MindPitfalls(SynchronousTestCase):
    def setUp(self):
        self.realm = MindTrackingRealm(CachingRealm(Player))
        self.server = MemoryServer(self.realm)

    def minds(self, count):
        """The minds of this many clients of alice, each over a connection of its own."""
        self.clients = [self.server.connect() for _ in range(count)]
        self.asked = [RecordingMind() for _ in range(count)]
        self.held = [
            client.login("alice", "secret", mind)
            for client, mind in zip(self.clients, self.asked, strict=True)
        ]
        return [session.mind for session in self.realm.sessions()]

    def check_set_of_minds(self, make_set):
        """Minds can be added, found, discarded and counted."""
        minds = self.minds(3)
        members = make_set()
        for mind in minds:
            members.add(mind)
        self.assertEqual(len(members), 3)
        members.discard(minds[1])
        self.assertIn(minds[0], members)
        self.assertNotIn(minds[1], members)
        self.assertEqual([id(mind) for mind in members], [id(minds[0]), id(minds[2])])

    def test_7_set_of_minds(self):
        self.check_set_of_minds(ClientSet)
        with self.assertRaises(TypeError):
            self.check_set_of_minds(set)

    def test_7_two_minds_of_one_client(self):
        """Two references to one object of a client are two members: they are two logins."""
        client = self.server.connect()
        mind = RecordingMind()
        self.held = [client.login("alice", "secret", mind) for _ in range(2)]
        one, two = (session.mind for session in self.realm.sessions())
        self.assertEqual(one, two)
        clients = ClientSet()
        clients.add(one)
        clients.add(two)
        clients.discard(one)
        self.assertEqual([id(member) for member in clients], [id(two)])

    def observed(self, observers):
        """
        Have alice's avatar hand a Cacheable to two clients.

        @return: the clients' copies, which keep the Cacheable observed.
        """

        class Shown(Observed):
            def __init__(self):
                self.observers: Any = observers

            def getStateToCacheAndObserveFor(self, perspective, observer):
                self.observers.add(observer)
                return {}

            def stoppedObserving(self, perspective, observer):
                self.observers.discard(observer)

        class Copy(pb.RemoteCache):
            pass

        pb.setUnjellyableForClass(Shown, Copy)
        shown = Shown()
        self.patch(Player, "perspective_object", lambda player: shown)
        self.minds(2)
        return [
            client.call(reference, "object")
            for client, reference in zip(self.clients, self.held, strict=True)
        ]

    def check_observers(self, observers):
        """Each client's observer is a member, until the client drops it or is gone."""
        copies = self.observed(observers)
        self.assertEqual(len(observers), 2)
        self.clients[0].drop()
        self.assertEqual(len(observers), 1)
        copies.clear()
        self.server.flush()
        self.assertEqual(len(observers), 0)

    def test_8_observers(self):
        self.check_observers(ObserverSet())
        with self.assertRaises(self.failureException):
            self.check_observers(ById())
        self.flushLoggedErrors()

    def check_one_dead(self, members, tell):
        """A dead member doesn't stop the notification of the others."""
        for mind in self.minds(3):
            members.add(mind)
        self.clients[0].drop()
        tell(members)
        self.server.flush()
        self.assertEqual([len(mind.calls) for mind in self.asked], [0, 1, 1])

    def test_9_one_dead(self):
        self.check_one_dead(ClientSet(clock=self.server.clock), lambda all: all.notify("news"))
        with self.assertRaises(pb.DeadReferenceError):
            self.check_one_dead(ById(), lambda all: [mind.callRemote("news") for mind in all])

    def test_9_dead_already(self):
        """A mind that is dead before it's added isn't, and nothing is raised."""
        (mind,) = self.minds(1)
        self.clients[0].drop()
        clients = ClientSet()
        clients.add(mind)
        self.assertEqual(len(clients), 0)
        with self.assertRaises(AttributeError):
            mind.notifyOnDisconnect(lambda _: None)

    def test_13_who_is_calling(self):
        """A shared avatar knows which of its clients is calling, and that nobody is."""
        self.minds(2)
        ids = [session.id for session in self.realm.sessions()]
        called = [
            client.call(reference, "who")
            for client, reference in zip(self.clients, self.held, strict=True)
        ]
        self.assertEqual(called, ids)
        self.assertIsNone(Player("alice").perspective_who())


class ById(list):
    """The next best thing that people write by hand, for want of C{set}."""

    def add(self, member):
        self.append(member)

    def discard(self, member):
        self[:] = [kept for kept in self if kept is not member]
