"""
Plain Perspective Broker clients over TCP, for tests: nothing here knows of pbrealm.
"""

from __future__ import annotations

from twisted.cred.credentials import Anonymous, UsernamePassword
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredQueue
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.spread import pb


class Mind(pb.Referenceable):
    """
    A mind that has any method: what it is told waits in a queue, and C{answer} is its answer.
    """

    def __init__(self, answer=None):
        self.told = DeferredQueue()
        self.answer = answer

    def remoteMessageReceived(self, broker, message, args, kw):
        self.told.put((message, *broker.unserialize(args)))
        return broker.serialize(self.respond(message))

    def respond(self, message):
        return self.answer

    async def hear(self, method=None):
        """The next thing that it is told, or the next of that method, without the others."""
        while True:
            told = await self.told.get()
            if method is None or told[0] == method:
                return told


class DeafMind(Mind):
    """A mind that fails whatever it is told."""

    def respond(self, message):
        raise pb.Error(f"no ear for {message}")


class PlainClient:
    """
    One connection of an unmodified L{pb.PBClientFactory}.

    @ivar lost: fires when the connection is gone.
    """

    def __init__(self, factory, broker):
        self.factory = factory
        self.broker = broker
        self.lost = Deferred()
        broker.notifyOnDisconnect(lambda: self.lost.callback(None))

    @classmethod
    async def connect(cls, port):
        factory = pb.PBClientFactory()
        return cls(factory, await TCP4ClientEndpoint(reactor, "127.0.0.1", port).connect(factory))

    def login(self, name="alice", password="secret", mind=None):
        """
        Log in with a password.

        @return: fires with the reference to the perspective.  The login lasts as long as somebody
            has hold of that: to drop it is to log out.
        """
        return self.factory.login(UsernamePassword(name.encode(), password.encode()), mind)

    def login_anonymously(self, mind=None):
        """Log in under no name, in the same way."""
        return self.factory.login(Anonymous(), mind)

    @property
    def address(self):
        """Our end of the connection, as people write it."""
        host = self.broker.transport.getHost()
        return f"{host.host}:{host.port}"

    @property
    def port(self):
        return self.broker.transport.getHost().port

    def stop_reading(self):
        """Become as good as dead: connected, and silent."""
        self.broker.transport.pauseProducing()

    def read_on(self):
        self.broker.transport.resumeProducing()

    def abort(self):
        """Be gone at once, without a word."""
        self.broker.transport.abortConnection()
        return self.lost

    def leave(self):
        """Hang up; safe to repeat."""
        self.broker.transport.loseConnection()
        return self.lost


async def until(ask, expected):
    """
    Ask again, as soon as there is an answer, until it is the expected one; the test's own
    timeout bounds it.
    """
    while (answer := await ask()) != expected:
        del answer
