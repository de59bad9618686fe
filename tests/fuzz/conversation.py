"""
A server in memory, to which any bytes can be sent; and what a plain client sends it.
"""

from __future__ import annotations

import signal
import weakref
from contextlib import contextmanager
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm import (
    CachingRealm,
    ConnectionLimitedRealm,
    Limits,
    MindTrackingRealm,
    PingOldest,
    current_session,
)
from pbrealm._session.connection import has_sessions
from pbrealm.testing import MemoryServer, RecordingMind

LIMITS = Limits(
    login_seconds=30,
    unauthenticated_bytes=8 * 1024,
    unauthenticated_message_bytes=2 * 1024,
    message_bytes=64 * 1024,
    throttle_seconds=0.1,
)

CHALLENGE = b"0123456789abcdef"
"""What challenges are here, so that what was recorded once is right another time."""

HANGING = 20
"""Seconds after which one conversation counts as hanging."""

PEER = IPv4Address("TCP", "127.0.0.1", 5)

publisher: Any = globalLogPublisher


class Mirror(pb.Cacheable):
    """Something to be cached by clients."""

    def getStateToCacheAndObserveFor(self, perspective, observer):
        return {"seen": 1}

    def stoppedObserving(self, perspective, observer):
        """One less."""


class Mirrored(pb.RemoteCache):
    """What a client has of it."""


pb.setUnjellyableForClass(Mirror, Mirrored)


class Subject(pb.Avatar):
    """Has a method of each kind, and none that fails by itself."""

    def __init__(self, name):
        self.name = name
        self.mirror = Mirror()

    def perspective_greet(self):
        return f"hello {self.name}"

    def perspective_echo(self, *args, **kw):
        return [list(args), kw]

    def perspective_object(self):
        return pb.Referenceable()

    def perspective_mirror(self):
        return self.mirror

    def perspective_refuse(self):
        raise pb.Error("as it should")

    def perspective_news(self):
        """Have the client asked something, which it answers."""
        session = current_session()
        assert session is not None
        told = session.notify("news", ["a", {"b": 1.5}])
        told.addErrback(lambda _: None)

    async def perspective_think(self):
        return "done"


class Transport(StringTransport):
    """
    A transport that is closed as TCP's is: not while the bytes of one call are being handled.
    """

    protocol: Any

    def __init__(self, clock):
        super().__init__(peerAddress=PEER)
        self._clock = clock
        self.lost = False

    def write(self, data):
        if not self.lost:
            super().write(data)

    def loseConnection(self):
        if not self.disconnecting:
            self.disconnecting = True
            self._clock.callLater(0, self.lose, ConnectionDone())

    def abortConnection(self):
        self.disconnecting = True
        self._clock.callLater(0, self.lose, ConnectionAborted())

    def lose(self, why):
        if not self.lost:
            self.lost = self.disconnecting = True
            self.protocol.connectionLost(Failure(why))


class Server:
    """
    A server, and the tables that must be empty when all clients have gone.

    @ivar heard: the conversations so far.
    """

    def __init__(self):
        self.heard = 0
        self.errors = []
        self.brokers: weakref.WeakSet[Any] = weakref.WeakSet()
        self.open()

    def open(self):
        """Begin anew: wrong passwords are remembered, and would have a say in what comes next."""
        self.clock = Clock()
        self.caching = CachingRealm(Subject)
        self.limited = ConnectionLimitedRealm(
            self.caching, limit=2, on_full=PingOldest(5), clock=self.clock
        )
        self.realm = MindTrackingRealm(self.limited)
        self.server = MemoryServer(self.realm, clock=self.clock, limits=LIMITS)

    def log(self, event):
        if event.get("log_failure") is not None or event.get("isError"):
            self.errors.append(event)
            # Others may keep the event, and with it all that took part.
            failure = event.get("log_failure") or event.get("failure")
            if failure is not None:
                failure.cleanFailure()

    @contextmanager
    def watched(self):
        """Keep what is logged as an error, and don't wait for what hangs."""
        del self.errors[:]
        publisher.addObserver(self.log)
        before = signal.signal(signal.SIGALRM, _hangs)
        signal.alarm(HANGING)
        try:
            yield
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)
            publisher.removeObserver(self.log)

    def hear(self, pieces, pauses=()):
        """
        One connection, from its beginning to its end: the client sends the pieces, lets time
        pass after each, and is gone.

        @return: what the server answered.
        """
        self.open()
        self.heard += 1
        with self.watched():
            broker = self.server.factory.buildProtocol(PEER)
            self.brokers.add(broker)
            transport = Transport(self.clock)
            transport.protocol = broker
            broker.makeConnection(transport)
            waits = iter(pauses)
            for piece in pieces:
                if transport.disconnecting:
                    break
                broker.dataReceived(piece)
                self.clock.advance(next(waits, 0))
            transport.lose(ConnectionLost())
            # No more than what was put off until now, and it must be nothing.
            self.clock.advance(0)
            self.check_that_nobody_is_left(broker)
        return transport.value()

    def check_that_nobody_is_left(self, broker):
        assert self.realm.sessions() == ()
        assert len(self.limited._slots) == 0
        assert not self.limited._queues._queues
        assert not self.realm._presence._by_id
        assert not has_sessions(broker)
        factory: Any = self.server.factory
        counter = factory._state.counter
        assert counter._accepted == counter._explained == 0 and not counter._by_origin
        assert self.clock.getDelayedCalls() == [], str(self.clock.getDelayedCalls())
        assert not any(kept.holders for kept in self.caching._avatars._entries.values())
        assert broker.buffer == b""


def _hangs(*_):
    raise AssertionError(f"one conversation takes more than {HANGING} seconds")


class Recorder(pb.PBClientFactory):
    """
    Keeps what its broker writes, a message each.
    """

    def __init__(self):
        super().__init__()
        self.written = []

    def buildProtocol(self, addr):
        broker = super().buildProtocol(addr)
        made = broker.makeConnection

        def makeConnection(transport):
            write = transport.write

            def keep(data):
                self.written.append(bytes(data))
                write(data)

            transport.write = keep
            made(transport)

        broker.makeConnection = makeConnection
        return broker


def record():
    """
    What a plain client writes that logs in twice, calls everything there is, and logs out.

    @return: what it has written until it's logged in, and what after that.
    """
    server = Server()
    recorder = Recorder()
    client = server.server.connect(recorder)
    mind = RecordingMind(answer=[1, "two"])
    perspective = client.login("alice", "secret", mind)
    before = recorder.written[:]
    held = [client.call(perspective, "object"), client.call(perspective, "mirror")]
    shared = ("x", (1, 2))
    client.call(perspective, "echo", shared, shared, mind, held[0], key={"a": {1, 2}, "b": None})
    for method in ("greet", "think", "news", "refuse"):
        try:
            client.call(perspective, method)
        except pb.RemoteError:
            pass
    again = client.login("bob", "secret")
    client.call(again, "greet")
    del held, again, perspective
    server.server.flush()
    after = recorder.written[len(before) :]
    client.drop()
    return before, after
