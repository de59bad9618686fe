"""
Avatars for tests.
"""

from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.spread import pb
from zope.interface import implementer

from pbrealm import IClientAware, current_session


class Player(pb.Avatar):
    """The howto's avatar: it takes no notice of its clients."""

    state: Any
    """Set by tests of states that avatars share."""

    def __init__(self, name):
        self.name = name
        self.greetings = 0

    def perspective_greet(self):
        self.greetings += 1
        return f"<{self.greetings}>hello {self.name}"

    def perspective_who(self):
        session = current_session()
        return None if session is None else session.id

    async def perspective_think(self):
        """A coroutine, as avatars' methods may be under our factory."""
        before = current_session()
        await self.perspective_later()
        return [session and session.id for session in (before, current_session())]

    @inlineCallbacks
    def perspective_ponder(self):
        """The same as perspective_think, as methods were before there were coroutines."""
        before = current_session()
        yield self.perspective_later()
        return [session and session.id for session in (before, current_session())]

    def perspective_later(self):
        self.answer: Deferred[Any] = Deferred()
        return self.answer

    def perspective_object(self):
        raise NotImplementedError("for tests to patch")

    def perspective_fail(self):
        raise pb.Error("as it should")


@implementer(IClientAware)
class Aware(Player):
    """Keeps a history of who attached and detached."""

    def __init__(self, name):
        super().__init__(name)
        self.clients = []
        self.history = []

    def attached(self, session):
        self.clients.append(session)
        self.history.append(("attached", session))

    def detached(self, session, reason):
        self.clients.remove(session)
        self.history.append(("detached", session, reason))


class Slow:
    """
    A factory, or any callable, whose results come when the test says so.
    """

    def __init__(self, make=Aware):
        self.make = make
        self.calls = []

    def __call__(self, *args):
        pending: Deferred[Any] = Deferred()
        self.calls.append((args, pending))
        return pending

    def finish(self, which=0):
        args, pending = self.calls.pop(which)
        pending.callback(self.make(*args))

    def fail(self, error, which=0):
        _, pending = self.calls.pop(which)
        pending.errback(error)


@implementer(IClientAware)
class SlowToAttach(Aware):
    """Attaches and detaches when the test says so."""

    def __init__(self, name):
        super().__init__(name)
        self.attaching = Slow(lambda session: Aware.attached(self, session))
        self.detaching = []

    def attached(self, session):
        return self.attaching(session)

    def detached(self, session, reason):
        super().detached(session, reason)
        pending: Deferred[Any] = Deferred()
        self.detaching.append(pending)
        return pending
