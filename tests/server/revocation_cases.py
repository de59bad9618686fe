"""
Avatars that hand things out, and clients that hold them, for the tests of revocation.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import (
    AnonymousRealm,
    CachingRealm,
    DisposableRealm,
    IClientAware,
    MindTrackingRealm,
    Reason,
    SharedDict,
    current_session,
    reason_of,
)
from pbrealm.client import ClientFactory
from pbrealm.testing import MemoryServer, RecordingMind
from tests.avatars import Player


class Counter(pb.Referenceable):
    """Something that an avatar hands out."""

    count = 0

    def remote_add(self):
        self.count += 1
        return self.count


class Score(pb.Viewable):
    """The same, for all avatars."""

    def view_read(self, avatar):
        return f"the score of {avatar.name}"


SCORE = Score()


class Giver(pb.Avatar):
    """Hands out a reference, a view and a live copy, in all ways that there are."""

    def __init__(self, name):
        self.name = name
        self.counter = Counter()
        self.settings = SharedDict(name, {"volume": 1})
        self.later = []

    def perspective_counter(self):
        return self.counter

    def perspective_counter_later(self):
        pending: Deferred[Counter] = Deferred()
        self.later.append(pending)
        return pending

    async def perspective_counter_by_coroutine(self):
        await self.perspective_counter_later()
        return self.counter

    def perspective_score(self):
        return SCORE

    def perspective_settings(self):
        return self.settings


class RevocationTestCase(SynchronousTestCase):
    """
    alice and bob, logged in over one connection.
    """

    def setUp(self):
        self.caching = CachingRealm(Giver)
        self.realm = MindTrackingRealm(self.caching)
        self.server = MemoryServer(self.realm)
        self.client = self.server.connect(ClientFactory())
        self.mind = RecordingMind()
        self.alice = self.client.login("alice", "secret", self.mind)
        self.bob = self.client.login("bob", "secret")

    def kick(self, name="alice", reason=Reason.KICKED):
        """End the oldest session of an avatar id."""
        self.realm.sessions(name)[0].end(reason)
        self.server.flush()

    def assert_revoked(self, reference, method, reason=Reason.KICKED):
        with self.assertRaises(pb.RemoteError) as caught:
            self.client.call(reference, method)
        self.assertIs(reason_of(caught.exception), reason)


class Room(pb.Referenceable):
    """Hands out things by itself, in all ways that there are."""

    def __init__(self):
        self.counter = Counter()
        self.settings = SharedDict("room", {"open": 1})
        self.later = []
        self.sessions = []

    def remote_itself(self):
        self.sessions.append(current_session())
        return self

    def remote_counter(self):
        return self.counter

    def remote_counter_later(self):
        pending: Deferred[Any] = Deferred()
        self.later.append(pending)
        return pending

    async def remote_take_later(self, mind):
        await self.remote_counter_later()
        await mind.callRemote("take", self.counter)

    def remote_settings(self):
        return self.settings

    def remote_add(self):
        return self.counter.remote_add()


class Window(pb.Viewable):
    """A view that hands itself out."""

    def view_itself(self, avatar):
        return self

    def view_counter(self, avatar):
        return avatar.room.counter

    def view_add(self, avatar):
        return 1


@implementer(IClientAware)
class Host(pb.Avatar):
    """Gives its client a room, a window, and what is in the room."""

    def __init__(self, name):
        self.room = Room()
        self.window = Window()
        self.early = []
        self.received = []

    def attached(self, session):
        if session.mind is not None:
            for thing in self.early:
                session.mind.callRemote("take", thing, pbanswer=False)

    def detached(self, session, reason):
        """It keeps its rooms."""

    def perspective_room(self):
        return self.room

    def perspective_window(self):
        return self.window

    def perspective_later(self):
        return self.room.remote_counter_later()

    def perspective_settings(self):
        return self.room.settings

    def perspective_end(self, what):
        session = current_session()
        assert session is not None
        session.end()
        return getattr(self.room, what) if what else 5


class TransitiveTestCase(RevocationTestCase):
    """
    alice and a guest, logged in over one connection.
    """

    def setUp(self):
        self.caching: Any = CachingRealm(Host)
        self.realm = MindTrackingRealm(AnonymousRealm(self.caching, DisposableRealm(Player)))
        self.server = MemoryServer(self.realm)
        self.client = self.server.connect(ClientFactory())
        self.mind = RecordingMind()
        self.guest_mind = RecordingMind()
        self.alice = self.client.login("alice", "secret", self.mind)
        self.guest = self.client.login(mind=self.guest_mind)
        self.avatar: Any = self.caching.avatars["alice"]

    def taken(self, mind):
        self.server.flush()
        return [args[0] for method, args in mind.calls if method == "take"]
