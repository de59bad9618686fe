"""
A server, its clients, and random events that happen to them.
"""

from __future__ import annotations

import gc
import random
import weakref
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from twisted.cred.credentials import UsernamePassword
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredQueue
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.task import Clock, deferLater
from twisted.python.failure import Failure
from zope.interface import implementer

from pbrealm import (
    CachingRealm,
    ConnectionLimitedRealm,
    IClientAware,
    IFullPolicy,
    ISession,
    Limits,
    MindTrackingRealm,
    Reason,
    ServerFactory,
)
from pbrealm.testing import make_portal
from tests.avatars import Player
from tests.integration.abuse.random_clients import (
    INVALID_BYTES,
    Client,
    CountingClientFactory,
    Mind,
    count_bytes,
)
from tests.integration.waiting import TIMEOUT

NAMES = ("alice", "bob", "carol")

MAX_CLIENTS = 12

T = TypeVar("T")


@implementer(IClientAware)
class CountingAvatar(Player):
    """
    An avatar that counts its sessions.

    @ivar clients: the sessions that it has.
    @ivar sessions: how many sessions it has had.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.clients: list[ISession] = []
        self.sessions = 0

    def attached(self, session: ISession) -> None:
        self.clients.append(session)
        self.sessions += 1

    def detached(self, session: ISession, reason: Reason) -> None:
        self.clients.remove(session)


class RandomEvents:
    """
    Runs random events, and logs what each of them led to.

    The server and the clients are in one process and joined by real sockets.  Their clock advances
    only when an event says so.  An event is over when both ends of each connection have received
    all that was sent.  So the log depends on the seed only.

    @ivar log: an entry for each event.
    @ivar pending: how many calls and logins have no result yet.
    @ivar connections: how many clients have connected.
    @ivar all_brokers: the server's brokers that still exist.
    """

    def __init__(self, policy: Callable[[], IFullPolicy], seed: int) -> None:
        self.random = random.Random(seed)
        self.clock = Clock()
        self.avatars: list[CountingAvatar] = []
        self.caching = CachingRealm(self._make_avatar, linger=20, clock=self.clock)
        self.limited = ConnectionLimitedRealm(
            self.caching, limit=2, total=4, on_full=policy(), clock=self.clock
        )
        self.realm = MindTrackingRealm(self.limited)
        portal = make_portal(self.realm, dict.fromkeys(NAMES, "secret"), anonymous=False)
        self.factory = CountingServerFactory(
            portal, Limits(throttle_seconds=0.5), clock=self.clock
        )
        self.clients: list[Client] = []
        self.pending = 0
        self.connections = 0
        self.log: list[tuple[Any, ...]] = []
        self._records: list[tuple[Any, ...]] = []

    def _make_avatar(self, name: str) -> CountingAvatar:
        self.avatars.append(CountingAvatar(name))
        return self.avatars[-1]

    @property
    def sessions(self) -> int:
        """How many sessions there have been."""
        return sum(avatar.sessions for avatar in self.avatars)

    @property
    def all_brokers(self) -> weakref.WeakSet[Any]:
        return self.factory.all_brokers

    async def open(self) -> None:
        """Start the server."""
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        self.port = await endpoint.listen(self.factory)

    async def close(self) -> None:
        """Disconnect all clients and stop the server."""
        for client in self.clients:
            if not client.reading:
                client.set_reading(True)
            client.broker.transport.loseConnection()
        self._records = [("closing",)]
        await self._settle()
        await self.port.stopListening()

    async def run(self, events: int) -> None:
        """Run so many events."""
        for number in range(events):
            name, event = self.random.choice(self.EVENTS)
            self._records = []
            await event(self)
            await self._settle()
            # The order in which several clients notice one event is not determined.
            self.log.append((number, name, *sorted(self._records, key=repr), self._summary()))
            if number % 50 == 0:
                gc.collect()
                await self._settle()

    # Events

    async def connect(self) -> None:
        if len(self.clients) < MAX_CLIENTS:
            await self._connect()

    async def log_in(self) -> None:
        client = self._pick([client for client in self.clients if not client.closing])
        name = self.random.choice(NAMES)
        password = self.random.choice([b"secret"] * 7 + [b"wrong"])
        behaviour = self.random.choice(["answers", "answers", "fails", "stalls", None])
        if client is None:
            return
        mind = None if behaviour is None else Mind(behaviour)
        credentials = UsernamePassword(name.encode(), password)
        self._record(client.number, name, password)
        self._wait_for(client.factory.login(credentials, mind), client.references.append)

    async def connect_and_log_in(self) -> None:
        await self.connect()
        await self.log_in()

    async def log_in_and_abort(self) -> None:
        """Log in, and reset the connection at a random stage of the login."""
        stage = self.random.randrange(8)
        if len(self.clients) < MAX_CLIENTS:
            client = await self._connect(reading=False)
        else:
            client = self.clients[-1]
        login = client.factory.login(UsernamePassword(b"alice", b"secret"))
        self._wait_for(login, lambda perspective: None)
        if stage:
            client.set_reading(True)
        for step in range(stage):
            # The two ends send in turn; the server begins.
            await self._deliver(client, to_server=step % 2 == 1)
        client.broker.transport.abortConnection()

    async def log_out(self) -> None:
        client = self._pick([client for client in self.clients if client.references])
        if client is not None:
            self._record(client.number)
            del client.references[self.random.randrange(len(client.references))]

    async def call(self) -> None:
        client = self._pick([client for client in self.clients if client.references])
        method = self.random.choice(["greet", "think", "who", "fail"])
        if client is None:
            return
        self._record(client.number, method)
        reference = self.random.choice(client.references)
        self._wait_for(reference.callRemote(method), lambda answer: None)
        if method == "think":
            # The method waits for the avatar's Deferred.
            await self._settle()
            for avatar in self.avatars:
                later: Deferred[Any] | None = getattr(avatar, "answer", None)
                if later is not None and not later.called:
                    later.callback(None)

    async def disconnect(self) -> None:
        client = self._pick(self.clients)
        method = self.random.choice(["loseConnection", "abortConnection"])
        if client is not None:
            self._record(client.number, method)
            getattr(client.broker.transport, method)()

    async def stop_reading(self) -> None:
        await self._set_reading(False)

    async def resume_reading(self) -> None:
        await self._set_reading(True)

    async def _set_reading(self, reading: bool) -> None:
        client = self._pick(self.clients)
        if client is not None and not client.closing:
            self._record(client.number)
            client.set_reading(reading)

    async def send_invalid_bytes(self) -> None:
        client = self._pick(self.clients)
        if client is not None:
            index = self.random.randrange(len(INVALID_BYTES))
            self._record(client.number, index)
            client.broker.transport.write(INVALID_BYTES[index])

    async def end_session(self) -> None:
        session = self._pick(self.realm.sessions())
        if session is not None:
            reason = self.random.choice(list(Reason))
            self._record(session.avatar_id, reason.name)
            session.end(reason)

    async def evict(self) -> None:
        self.caching.evict(self.random.choice(NAMES))

    async def broadcast(self) -> None:
        self.realm.broadcast("news", [1, {"two": 2.5}])

    async def advance_clock(self) -> None:
        seconds = self.random.choice([0.5, 3, 11, 31])
        self._record(seconds)
        self.clock.advance(seconds)

    EVENTS = (
        *[("connect and log in", connect_and_log_in)] * 4,
        *[("call", call)] * 3,
        *[("advance clock", advance_clock)] * 2,
        ("connect", connect),
        ("log in", log_in),
        ("log in and abort", log_in_and_abort),
        ("log out", log_out),
        ("disconnect", disconnect),
        ("stop reading", stop_reading),
        ("resume reading", resume_reading),
        ("send invalid bytes", send_invalid_bytes),
        ("end session", end_session),
        ("evict", evict),
        ("broadcast", broadcast),
    )

    # What the events use

    def _record(self, *what: object) -> None:
        self._records.append(what)

    def _summary(self) -> tuple[Any, ...]:
        """The state of the server, in values that depend on the seed only."""
        return (
            tuple(session.avatar_id for session in self.realm.sessions()),
            len(self.limited._slots),
            len(self.clients),
            self.pending,
            len(self.clock.getDelayedCalls()),
        )

    def _pick(self, things: Sequence[T]) -> T | None:
        return self.random.choice(things) if things else None

    async def _connect(self, reading: bool = True) -> Client:
        factory = CountingClientFactory()
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self.port.getHost().port)
        broker: Any = await endpoint.connect(factory)
        if not reading:
            # Before the next turn of the reactor, so that the client has read nothing.
            broker.counted.transport.pauseProducing()
        self.connections += 1
        client = Client(self.connections, broker, factory, await self.factory.brokers.get())
        client.reading = reading
        self.clients.append(client)
        return client

    def _wait_for(self, answer: Deferred[Any], use: Callable[[Any], object]) -> None:
        """Record the result of a call or login, and pass it to a function unless it failed."""
        self.pending += 1

        def done(result: Any) -> None:
            self.pending -= 1
            if isinstance(result, Failure):
                self._record(str(result.type))
            else:
                self._record("done")
                use(result)

        answer.addBoth(done)

    async def _deliver(self, client: Client, to_server: bool) -> None:
        """Wait until what one end has sent has arrived at the other."""
        deadline = reactor.seconds() + TIMEOUT
        while not client.has_delivered(to_server):
            self._check_time(deadline)
            await deferLater(reactor, 0)

    async def _settle(self) -> None:
        """Wait until neither end of any connection has anything to send or to receive."""
        deadline = reactor.seconds() + TIMEOUT
        idle_turns = 0
        while idle_turns < 2:
            self._check_time(deadline)
            self.clock.advance(0)
            await deferLater(reactor, 0)
            idle_turns = idle_turns + 1 if all(client.idle for client in self.clients) else 0
        self.clients = [client for client in self.clients if not client.disconnected]

    def _check_time(self, deadline: float) -> None:
        if reactor.seconds() > deadline:
            busy = [client for client in self.clients if not client.idle]
            raise AssertionError(
                f"after {TIMEOUT} s not idle: {busy}; last events {self.log[-3:]}, "
                f"then {self._records}"
            )


class CountingServerFactory(ServerFactory):
    """
    The server's factory, whose brokers count their bytes.

    @ivar brokers: the brokers, in the order in which they connected.
    @ivar all_brokers: the brokers that still exist.
    """

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.brokers: DeferredQueue[Any] = DeferredQueue()
        self.all_brokers: weakref.WeakSet[Any] = weakref.WeakSet()

    def buildProtocol(self, addr: Any) -> Any:
        broker = count_bytes(super().buildProtocol(addr), self.brokers.put)
        self.all_brokers.add(broker)
        return broker
