"""
Avatars and clients that pass on what they are given.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.spread import pb

from pbrealm import CachingRealm, MindTrackingRealm, SharedDict
from pbrealm.client import ClientFactory
from pbrealm.testing import MemoryServer, RecordingMind
from tests.server.revocation_cases import Counter, RevocationTestCase


class Score(pb.Viewable):
    """Something that clients get a view of."""

    def view_read(self, avatar):
        return avatar.name


class Member(pb.Avatar):
    """Hands things out, takes listeners, and passes on what it is given."""

    room: list[Any]
    later: list[Deferred[Any]]

    def __init__(self, name):
        self.name = name
        self.counter = Counter()
        self.score = Score()
        self.settings = SharedDict(name, {"volume": 1})
        self.kept: Any = None

    def perspective_get(self, what):
        return getattr(self, what)

    def perspective_join(self, listener):
        self.room.append((self, listener))

    def perspective_say(self):
        """Give each listener something of its own avatar, in a call of this one's session."""
        for avatar, listener in self.room:
            listener.callRemote("take", avatar.counter, pbanswer=False)
            listener.remoteMethod("take")(avatar.settings)

    async def perspective_say_later(self):
        pending: Deferred[None] = Deferred()
        self.later.append(pending)
        await pending
        self.perspective_say()

    def perspective_echo(self, thing):
        return [thing]

    async def perspective_echo_by_coroutine(self, thing):
        return [thing]

    def perspective_echo_later(self, thing):
        pending: Deferred[Any] = Deferred()
        self.later.append(pending)
        return pending.addCallback(lambda _: [thing])

    async def perspective_echo_later_by_coroutine(self, thing):
        await self.perspective_echo_later(thing)
        return [thing]

    def perspective_echo_to(self, listener, thing):
        listener.callRemote("take", thing, pbanswer=False)

    def perspective_refuse(self, thing):
        raise Refusal(thing)

    def perspective_keep(self, thing):
        self.kept = thing


class Refusal(pb.Error, pb.Copyable):
    """An error that is sent as an object."""

    def __init__(self, thing):
        super().__init__("no")
        self.thing = thing

    def getStateToCopy(self):
        return {"thing": self.thing}


class RefusalCopy(pb.RemoteCopy, pb.Error):
    """The client's copy of it."""

    thing: Any


pb.setUnjellyableForClass(Refusal, RefusalCopy)

ECHOES = ("echo", "echo_by_coroutine", "echo_later", "echo_later_by_coroutine")


class PassingTestCase(RevocationTestCase):
    """
    alice and bob, logged in over one connection.
    """

    def setUp(self):
        self.room: list[Any] = []
        self.later: list[Deferred[Any]] = []
        self.caching: Any = CachingRealm(self.make)
        self.realm = MindTrackingRealm(self.caching)
        self.server = MemoryServer(self.realm)
        self.client = self.server.connect(ClientFactory())
        self.listener = RecordingMind()
        self.alice = self.client.login("alice", "secret")
        self.bob = self.client.login("bob", "secret")

    def make(self, name):
        avatar = Member(name)
        avatar.room, avatar.later = self.room, self.later
        return avatar

    def avatar(self, name):
        return self.caching.avatars[name]

    def fire(self):
        while self.later:
            self.later.pop().callback(None)
        self.server.flush()

    def call(self, target, method, *args):
        answers: list[Any] = []
        target.callRemote(method, *args).addBoth(answers.append)
        self.server.flush()
        self.fire()
        (answer,) = answers
        if hasattr(answer, "raiseException"):
            answer.raiseException()
        return answer

    def taken(self, listener=None):
        self.server.flush()
        calls = (listener or self.listener).calls
        taken = [args[0] for _, args in calls]
        calls.clear()
        return taken

    def assert_no_changes(self, copy, name="alice"):
        self.avatar(name).settings["volume"] = 7
        self.server.flush()
        self.assertEqual(copy["volume"], 1)
