"""
The patterns that people write by hand, faults included, for the tests to fail on.
"""

from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.spread import pb
from zope.interface import implementer


class CountedAvatar(pb.Avatar):
    def __init__(self, name):
        self.name = name
        self.connections = 0

    def connect(self):
        self.connections += 1

    def disconnect(self):
        self.connections -= 1

    def perspective_greet(self):
        return f"hello {self.name}"


@implementer(IRealm)
class CountingRealm:
    """The howto's limit, with a factory that may be slow."""

    def __init__(self, factory=CountedAvatar, max=1):
        self.factory = factory
        self.max = max
        self.avatars = {}

    def requestAvatar(self, avatarId, mind, *interfaces):
        if pb.IPerspective not in interfaces:
            raise NotImplementedError
        if avatarId in self.avatars:
            avatar = self.avatars[avatarId]
            if avatar.connections >= self.max:
                raise ValueError("too many connections")
            avatar.connect()
            return pb.IPerspective, avatar, avatar.disconnect

        def made(avatar):
            self.avatars[avatarId] = avatar
            avatar.connect()
            return pb.IPerspective, avatar, avatar.disconnect

        return maybeDeferred(self.factory, avatarId).addCallback(made)


@implementer(IRealm)
class WatchingRealm:
    """Sees the connection through the mind, as a realm under plain PB has to."""

    def __init__(self):
        self.here = []

    def requestAvatar(self, avatarId, mind, *interfaces):
        self.here.append(avatarId)
        mind.notifyOnDisconnect(lambda _: self.here.remove(avatarId))
        return pb.IPerspective, CountedAvatar(avatarId), lambda: None


@implementer(IRealm)
class ByNameRealm:
    """Keeps the newest connection of each name."""

    def __init__(self):
        self.connections = {}

    def requestAvatar(self, avatarId, mind, *interfaces):
        self.connections[avatarId] = mind
        avatar = CountedAvatar(avatarId)
        return pb.IPerspective, avatar, lambda: self.connections.pop(avatarId, None)


@implementer(IRealm)
class CheckThenWaitRealm:
    """Looks whether there is room, then waits, then takes it."""

    def __init__(self, factory):
        self.factory = factory
        self.here = []

    def requestAvatar(self, avatarId, mind, *interfaces):
        if avatarId in self.here:
            raise ValueError("too many connections")

        def made(avatar):
            self.here.append(avatarId)
            return pb.IPerspective, avatar, lambda: self.here.remove(avatarId)

        return Deferred.fromCoroutine(_make(self.factory, avatarId)).addCallback(made)


async def _make(factory, avatarId):
    return await maybeDeferred(factory, avatarId)


class Observed(pb.Cacheable):
    """Keeps its observers in a list, as the documentation recommends."""

    def __init__(self):
        self.observers = []

    def getStateToCacheAndObserveFor(self, perspective, observer):
        self.observers.append(observer)
        return {}

    def stoppedObserving(self, perspective, observer):
        self.observers.remove(observer)
