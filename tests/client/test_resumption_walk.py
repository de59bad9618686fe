"""
A random walk over losses at every byte: each call is run once, and each notification arrives once,
in order, or the session is over at both ends.
"""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import CachingRealm, Limits, MindTrackingRealm, SharedDict
from pbrealm._wire import resumable_stream
from pbrealm._wire.resumable_broker import ResumableBroker
from pbrealm._wire.resumable_stream import ResumableStream
from pbrealm.client import SharedDictCopy
from pbrealm.client._resumption import Resumption
from pbrealm.errors import Reason, SessionEnded
from pbrealm.testing import MemoryClient, MemoryServer
from tests.examples import run_walks

KEPT = 20_000
# Small enough that there are acknowledgements within what is kept.
ACKNOWLEDGE_BYTES = 700
SECONDS = 60
LIMITS = Limits(
    login_seconds=0,
    ping_interval=0,
    login_attempts=1000,
    resume_seconds=SECONDS,
    resume_bytes=KEPT,
)

many = st.integers(0, 3000)
some = st.integers(0, 200)
size = st.sampled_from([0, 10, 300, 5000])


class Worker(pb.Avatar):
    """
    Notes what it is asked, and answers some of it later.
    """

    def __init__(self, name: str) -> None:
        self.asked: list[int] = []
        self.later: list[tuple[int, Deferred[int]]] = []
        self.shared = SharedDict()

    def perspective_do(self, number: int, padding: bytes) -> int:
        self.asked.append(number)
        return number

    def perspective_do_later(self, number: int) -> Deferred[int]:
        self.asked.append(number)
        answer: Deferred[int] = Deferred()
        self.later.append((number, answer))
        return answer

    def perspective_copy(self) -> SharedDict:
        return self.shared


class Mind(pb.Referenceable):
    def __init__(self) -> None:
        self.told: list[int] = []
        self.goodbyes: list[int] = []

    def remote_tell(self, number: int, padding: bytes) -> int:
        self.told.append(number)
        return number

    def remote_goodbye(self, number: int, text: str, reconnect: bool) -> None:
        self.goodbyes.append(number)


class Link:
    """
    One connection, whose bytes arrive one by one.
    """

    def __init__(self, client: MemoryClient) -> None:
        self.client = client
        self.ends = (client._transport, client._server_transport)
        self.under_way = [b"", b""]
        self.lost = False

    def deliver(self, to: int, count: int | None = None) -> bool:
        """
        Deliver bytes.

        @param to: 1 to the server, 0 to the client.
        @param count: how many at most.
        @return: whether there were any.
        """
        sender, receiver = self.ends[1 - to], self.ends[to]
        if receiver.deaf or receiver.lost or receiver.disconnecting:
            return False
        self.under_way[to] += sender.getOutBuffer() or b""
        data = self.under_way[to][:count]
        self.under_way[to] = self.under_way[to][len(data) :]
        if data:
            receiver.bufferReceived(data)
        return bool(data)

    def lose(self) -> None:
        """Lose the connection at both ends."""
        self.lost = True
        for end in self.ends:
            end.lose(ConnectionLost())

    def finish(self) -> None:
        """Lose the connection if an end has closed it and all is delivered."""
        if any(end.disconnecting for end in self.ends):
            self.lose()


class Factory(pb.PBClientFactory):
    protocol = ResumableBroker


class Walk(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.realm: MindTrackingRealm[Any] = MindTrackingRealm(CachingRealm(Worker))
        self.server = MemoryServer(self.realm, limits=LIMITS)
        self.mind = Mind()
        client = self.server.connect(Factory())
        self.perspective = client.login("alice", "secret", self.mind)
        (self.session,) = self.realm.sessions()
        self.worker: Worker = self.session.avatar
        self.broker: Any = client.broker
        root = client.wait(client.factory.getRootObject())
        self.resumption: Resumption = client.wait(
            Deferred.fromCoroutine(Resumption.begin(self.broker, root, KEPT))
        )
        self.copy: SharedDictCopy = client.wait(self.perspective.callRemote("copy"))
        self.server.clients.clear()
        self.links = [Link(client)]
        self.calls: dict[int, list[Any]] = {}
        self.notified: dict[int, list[Any]] = {}
        self.changes = 0
        self.number = 0
        self.refused: list[Failure] = []
        # Those of both ends.
        streams = self.resumption.stream, client.server_broker.stream
        self.streams: tuple[ResumableStream, ...] = streams
        # Whether the session may end: it was kicked, long away, or too much wasn't acknowledged.
        self.may_end = False
        self.acknowledged: dict[Any, int] = {}
        self.waited = 0

    @property
    def over(self) -> bool:
        """Whether it is over at either end."""
        return self.resumption.stream.over or self.session.ended is not None

    def settle(self) -> None:
        """Deliver all."""
        for _ in range(2000):
            self.server.clock.advance(0)
            moved = [[link.deliver(to) for to in (0, 1)] for link in self.links if not link.lost]
            if not any(any(each) for each in moved):
                for link in self.links:
                    if not link.lost:
                        link.finish()
                return
        raise AssertionError("the ends do not come to rest")

    # What both ends do

    @rule(padding=size)
    def call(self, padding: int) -> None:
        self.number += 1
        results = self.calls[self.number] = []
        try:
            called = self.perspective.callRemote("do", self.number, b"x" * padding)
        except pb.DeadReferenceError:
            del self.calls[self.number]
        else:
            called.addBoth(results.append)

    @rule()
    def call_later(self) -> None:
        self.number += 1
        results = self.calls[self.number] = []
        try:
            called = self.perspective.callRemote("do_later", self.number)
        except pb.DeadReferenceError:
            del self.calls[self.number]
        else:
            called.addBoth(results.append)

    @rule()
    def answer(self) -> None:
        if self.worker.later:
            number, answer = self.worker.later.pop(0)
            answer.callback(number)

    @rule(padding=size)
    def notify(self, padding: int) -> None:
        self.number += 1
        if self.session.ended is None:
            results = self.notified[self.number] = []
            told = self.session.notify("tell", self.number, b"x" * padding, pbtimeout=None)
            told.addBoth(results.append)

    @rule()
    def change(self) -> None:
        self.changes += 1
        self.worker.shared["n"] = self.changes

    @rule()
    def acknowledge(self) -> None:
        """Both ends do."""
        for stream in self.streams:
            stream.acknowledge_if_due(1)

    # What the network does

    @rule(to=st.integers(0, 1), count=many)
    def deliver(self, to: int, count: int) -> None:
        for link in self.links:
            if not link.lost:
                link.deliver(to, count)
        self.server.clock.advance(0)

    @rule(to=st.integers(0, 1), count=some)
    def deliver_few(self, to: int, count: int) -> None:
        self.deliver(to, count)

    @rule()
    def deliver_all(self) -> None:
        self.settle()

    @precondition(lambda self: any(not link.lost for link in self.links))
    @rule(which=st.integers(0, 10))
    def lose(self, which: int) -> None:
        links = [link for link in self.links if not link.lost]
        links[which % len(links)].lose()
        self.server.clock.advance(0)

    @rule()
    def come_back(self) -> None:
        """The client connects, whether or not it has noticed a loss."""
        if self.over:
            return
        client = MemoryClient(self.server, Factory(), 50_000 + len(self.links))
        self.links.append(link := Link(client))
        # The dialect.
        for _ in range(2):
            for to in (0, 1):
                link.deliver(to)

        def connected(root: pb.RemoteReference) -> Deferred[None]:
            broker: Any = client.broker
            return Deferred.fromCoroutine(self.resumption.resume(broker, root))

        got: Deferred[Any] = client.factory.getRootObject().addCallback(connected)
        got.addErrback(self.refused.append)

    # What ends it

    @rule(number=st.integers(0, 9))
    def kick(self, number: int) -> None:
        if not number:
            self.may_end = True
            self.session.end(Reason.KICKED)

    @rule(seconds=st.sampled_from([1, 10, 30]))
    def wait(self, seconds: int) -> None:
        self.waited += seconds
        self.may_end = self.may_end or self.waited >= SECONDS
        self.server.clock.advance(seconds)

    # What has to be true

    @invariant()
    def in_order(self) -> None:
        if not hasattr(self, "calls"):
            return
        asked = self.worker.asked
        assert asked == list(self.calls)[: len(asked)], (asked, list(self.calls))
        told = self.mind.told
        assert told == list(self.notified)[: len(told)], (told, list(self.notified))

    @invariant()
    def ends_for_a_reason(self) -> None:
        if hasattr(self, "calls"):
            for stream in self.streams:
                # At some time since the last step there may have been as much as this.
                before = self.acknowledged.get(stream, 0)
                self.may_end = self.may_end or stream.written - before > KEPT
                self.acknowledged[stream] = stream._acknowledged
            assert self.may_end or not self.over

    def teardown(self) -> None:
        if not hasattr(self, "calls"):
            return
        self.settle()
        if not self.over:
            for link in self.links:
                if not link.lost:
                    link.lose()
            self.come_back()
            self.settle()
        if not self.over:
            for number, answer in self.worker.later:
                answer.callback(number)
            self.settle()
            assert self.worker.asked == list(self.calls)
            assert self.mind.told == list(self.notified)
            for results in (self.calls, self.notified):
                assert {n: [n] for n in results} == results, results
            assert self.copy.get("n", 0) == self.changes
        self.session.end(Reason.KICKED)
        for link in self.links:
            link.lose()
        for _ in range(20):
            self.server.clock.advance(10)
        assert self.session.ended is not None
        self.resumption.stream.abortConnection()
        # Nothing waits any more, at either end.
        for results in (self.calls, self.notified):
            assert all(len(result) == 1 for result in results.values()), results
        for why in self.refused:
            why.trap(SessionEnded, pb.PBConnectionLost, ConnectionLost, pb.RemoteError)
        factory: Any = self.server.factory
        state = factory._server_state()
        assert not state.resumptions._entries
        assert not state.connections, state.connections
        assert not state.counter._accepted
        assert not state.away._accepted
        assert not self.server.clock.getDelayedCalls(), self.server.clock.getDelayedCalls()


class WalkTests(SynchronousTestCase):
    def test_walk(self) -> None:
        self.patch(resumable_stream, "ACKNOWLEDGE_BYTES", ACKNOWLEDGE_BYTES)
        self.patch(resumable_stream, "_FEW_BYTES", ACKNOWLEDGE_BYTES)
        self.patch(resumable_stream, "_PIECE_BYTES", 100)
        run_walks(Walk, 100)
