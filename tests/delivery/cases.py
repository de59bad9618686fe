"""
Servers, avatars and minds for the tests of this folder.
"""

from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import Backlog, CachingRealm, MindTrackingRealm, SharedDict, SharedStateRealm
from pbrealm.client import SharedDictCopy
from pbrealm.testing import MemoryServer, make_portal
from tests.avatars import Player

BIG = b"x" * 40_000
"""An argument or an answer, of which few fit into the buffers of a transport."""


class BroadcastTestCase(SynchronousTestCase):
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

    def waiting(self) -> int:
        """Bytes of answers and notifications that the server holds for its first client."""
        return self.clients[0].server_broker.send_queue.waiting_bytes


class Score(pb.Cacheable):
    def __init__(self, observers):
        self.points = 0
        self.observers = observers

    def getStateToCacheAndObserveFor(self, perspective, observer):
        self.observers.add(observer)
        return {"points": self.points}

    def stoppedObserving(self, perspective, observer):
        self.observers.discard(observer)

    def set(self, points):
        self.points = points
        return self.observers.notify("points", points)


class ScoreCopy(pb.RemoteCache):
    def observe_points(self, points):
        self.points = points


pb.setUnjellyableForClass(Score, ScoreCopy)


class StateAvatar(pb.Avatar):
    def __init__(self, name, state, number):
        self.name = name
        self.state = state
        self.number = number

    def perspective_state(self):
        return self.state

    def perspective_set(self, key, value):
        self.state[key] = value


class FilteringDict(SharedDict):
    """Shows what begins with a name to that one only; here, to one of two logins."""

    def may_see(self, perspective, key):
        return not key.startswith("secret") or perspective.number == 0


class SharedDictTestCase(SynchronousTestCase):
    """
    A shared dictionary for each avatar id, and clients with copies of it.
    """

    def serve(self, state_factory=SharedDict, plain=False):
        self.avatars = []
        passwords = {"alice": "s", "bob": "s"}
        realm = SharedStateRealm(self.make_avatar, state_factory, linger=0)
        factory = pb.PBServerFactory(make_portal(realm, passwords)) if plain else None
        self.server = MemoryServer(realm, passwords, factory=factory)
        self.realm = realm
        self.clients = []
        self.references = []

    def make_avatar(self, name, state):
        avatar = StateAvatar(name, state, len(self.avatars))
        self.avatars.append(avatar)
        return avatar

    def join(self, factory=None):
        client = self.server.connect(factory)
        reference = client.login("alice", "s")
        self.clients.append(client)
        self.references.append(reference)
        copy = client.call(reference, "state")
        self.assertIsInstance(copy, SharedDictCopy)
        return copy

    @property
    def state(self):
        return self.realm.states["alice"]
