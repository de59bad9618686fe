"""
What a client may cost: CPU and memory, for each byte that it sends, whatever it sends.
"""

from __future__ import annotations

import gc
import os
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import globalLogPublisher
from twisted.spread import pb
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from pbrealm import CachingRealm, MindTrackingRealm, current_session
from pbrealm.testing import MemoryServer, RecordingMind
from tests.examples import examples, slow
from tests.fuzz.expensive import NO_KEYWORDS, POINT, SMALL, Expensive, encode, text
from tests.wire.crafted import same_places
from tests.wire.objects import Mirror

KB = 1024
SECONDS = float(os.environ.get("FUZZ_SECONDS", "0")) / 8
"""How long a test may go on; 0 for the same few streams each time."""

CPU_PER_KB = 0.001
CPU_PER_MESSAGE = 0.0004
CPU_PER_CHUNK = 0.0001
CPU_AT_LEAST = 0.001
"""Seconds of CPU that a client may take.  The least is for closing its connection."""

TOLERANCE = 1.3
"""How far a measurement may be off, on a machine that does other things too."""

MEMORY_PER_BYTE = 40
MEMORY_AT_LEAST = 300 * KB
MEMORY_AFTERWARDS = 16 * KB
"""
Bytes of memory for each byte of a message while it's handled, and what may be left of the client.

Most objects take far less.  An empty set takes 32 times the bytes of its jelly.  What waits to be
sent, and the traceback of a failing call, has a bound of its own, within the least.
"""

NOMINAL = 0.0022
"""Seconds that L{work} takes on the machine that the budgets are meant for."""


class Subject(pb.Avatar):
    """Has methods that cost next to nothing, whatever they are passed."""

    def __init__(self) -> None:
        self.shown = Mirror()
        self.waiting: list[Deferred[None]] = []

    def perspective_take(self, *args: object, **kw: object) -> None:
        """Take anything."""

    def perspective_greet(self) -> str:
        return "hello"

    def perspective_fail(self, *args: object) -> None:
        raise ValueError("a bug")

    def perspective_refuse(self, *args: object) -> None:
        raise pb.Error("as it should")

    def perspective_later(self, *args: object) -> Deferred[None]:
        return Deferred()

    def perspective_ask(self, *args: object) -> None:
        """Have the client asked something, which it can answer or not."""
        session = current_session()
        assert session is not None
        session.notify("news").addErrback(lambda _: None)

    def perspective_mirror(self, *args: object) -> Mirror:
        return self.shown

    def perspective_object(self, *args: object) -> pb.Referenceable:
        return pb.Referenceable()


class WordlessBroker(pb.Broker):
    """Chooses the dialect without a vocabulary."""

    knownDialects = [b"none"]  # as in the base class


def work() -> None:
    """Some work of the kind that a decoder does."""
    made: dict[object, object] = {}
    data = bytes(range(256)) * 100
    for at in range(0, len(data) - 4, 2):
        part = data[at : at + 3]
        made[part] = (at, data[at], [part])


def cpu(act: Callable[[], object]) -> float:
    """The CPU that something takes, in seconds."""
    before = time.process_time()
    act()
    return time.process_time() - before


def peak(act: Callable[[], object]) -> float:
    """The memory that something takes meanwhile, in bytes."""
    gc.collect()
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    act()
    return tracemalloc.get_traced_memory()[1] - before


class Stream:
    """
    What one client sends after its login, and again each time that it's measured.
    """

    def __init__(
        self, server: MemoryServer, seed: int, make: Callable[[int], bytes] | None = None
    ) -> None:
        """
        @param make: makes what is sent, for the id of the client's reference; by default random
            messages.
        """
        self._server = server
        self._expensive = Expensive(seed)
        self._words = seed % 4 != 0
        self._reads = seed % 3 != 0
        client, perspective = self._log_in()
        client.drop()
        server.clients.remove(client)
        if make is None:
            self._chunks = self._expensive.stream(perspective.luid, self._words)
        else:
            self._chunks = [make(perspective.luid)]
        self.size = sum(map(len, self._chunks))
        self.chunks = len(self._chunks)

    def __str__(self) -> str:
        return f"{self.size} bytes in {self.chunks} chunks: {', '.join(self._expensive.kinds)}"

    def _log_in(self) -> tuple[Any, Any]:
        factory = pb.PBClientFactory()
        if not self._words:
            factory.protocol = WordlessBroker
        client = self._server.connect(factory)
        return client, client.login("alice", "secret", RecordingMind())

    def send(self, measure: Callable[[Callable[[], object]], float]) -> tuple[float, int]:
        """
        Send it all, until the server closes the connection or doesn't read any more.

        @param measure: measures a call.
        @return: what was measured, and how many messages the server has handled.
        """
        client, _perspective = self._log_in()
        broker = client.server_broker
        transport = client._server_transport
        handled = 0
        handle = broker.callExpressionReceived

        def count(sexp: Any) -> None:
            nonlocal handled
            handled += 1
            handle(sexp)

        broker.callExpressionReceived = count

        def send_all() -> None:
            for chunk in self._chunks:
                if transport.disconnecting or transport.deaf:
                    break
                broker.dataReceived(chunk)
                if self._reads:
                    transport.getOutBuffer()
            # What is put off until the next round of the reactor.
            self._server.clock.advance(0)

        measured = measure(send_all)
        del broker.callExpressionReceived
        client.drop()
        self._server.clients.remove(client)
        self._server.clock.advance(100)
        return measured, handled


class BudgetTests(SynchronousTestCase):
    """
    Any client with a login that sends what is built to be expensive.
    """

    def setUp(self) -> None:
        self.server = MemoryServer(MindTrackingRealm(CachingRealm(lambda _: Subject())))
        # Others keep events, and with them failures and all that they refer to.
        publisher: Any = globalLogPublisher
        self.patch(publisher, "_observers", [])
        # What there is by now needn't be looked at each time that garbage is collected.
        gc.freeze()
        self.addCleanup(gc.unfreeze)

    def each(self, number: int, check: Callable[[int, Stream], None]) -> None:
        """Check streams: so many of them, or as many as there is time for."""
        until = time.monotonic() + SECONDS
        seed = int(time.time()) if SECONDS else 0
        tried = 0
        while time.monotonic() < until if SECONDS else tried < examples(number):
            check(seed + tried, Stream(self.server, seed + tried))
            tried += 1
        if SECONDS:
            print(f"{self.id()}: {tried} streams", file=sys.__stderr__)

    def skip_if_traced(self) -> None:
        if sys.gettrace() is not None:
            raise SkipTest("a tracer, such as that of the coverage, takes most of the CPU")

    def check_cpu(self, seed: int, stream: Stream) -> None:
        """A millisecond for each KB, and a part of one for each message and chunk."""
        seconds, handled = stream.send(cpu)
        allowed = (
            CPU_AT_LEAST
            + stream.size / KB * CPU_PER_KB
            + handled * CPU_PER_MESSAGE
            + stream.chunks * CPU_PER_CHUNK
        )
        # The machine may be slow, or busy with other things.
        for _ in range(8):
            if seconds <= allowed * TOLERANCE:
                return
            slowness = max(1, min(cpu(work) for _ in range(3)) / NOMINAL)
            seconds = min(seconds, stream.send(cpu)[0] / slowness)
        self.fail(f"seed {seed}: {seconds:.4f} s instead of {allowed:.4f} s for {stream}")

    def test_cpu(self) -> None:
        self.skip_if_traced()
        self.each(60, self.check_cpu)

    @slow
    def test_large_containers(self) -> None:
        """A megabyte of keys that are chosen to be slow to add, where that is worst."""
        self.skip_if_traced()
        keys = same_places(2**18)
        pairs = [b"dictionary", *([key, 1] for key in keys)]
        for container in (pairs, [b"list", [POINT, NO_KEYWORDS], pairs]):

            def call(target: int, container: Any = container) -> bytes:
                args = [b"tuple", container]
                return encode([b"message", 1, target, b"take", 1, args, NO_KEYWORDS])

            self.check_cpu(1, Stream(self.server, 1, call))

    def check_memory(
        self, seed: int, stream: Stream, least: int = MEMORY_AT_LEAST, times: int = 2
    ) -> None:
        """So many bytes for each byte, and nothing once the client has gone."""
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        # Once for what is imported or cached the first time.
        stream.send(peak)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        memory = max(stream.send(peak)[0] for _ in range(times))
        gc.collect()
        left = (tracemalloc.get_traced_memory()[0] - before) / times
        tracemalloc.stop()
        what = f"seed {seed}: {stream}"
        self.assertLess(memory, least + MEMORY_PER_BYTE * stream.size, what)
        self.assertLess(left, MEMORY_AFTERWARDS, what)

    def test_memory(self) -> None:
        self.each(40, self.check_memory)

    @slow
    def test_memory_of_small_items(self) -> None:
        """Of each kind, together with an object, so that they aren't decoded in one pass."""
        for item in SMALL:
            many = [b"list", *[item] * (16 * KB // len(encode(item))), [POINT, NO_KEYWORDS]]

            def call(target: int, args: Any = (b"tuple", many)) -> bytes:
                return encode([b"message", 1, target, b"take", 1, args, NO_KEYWORDS])

            self.check_memory(1, Stream(self.server, 1, call), 50 * KB, 1)

    def test_memory_of_keyword_arguments(self) -> None:
        """Whatever the positional ones are."""
        kw = [b"dictionary", [text(b"key"), b"x" * 30 * KB]]
        for args in (5, [], [b"list", 1], [b"None"], [b"tuple", 1], [b"tuple", [POINT, kw]]):

            def call(target: int, args: Any = args) -> bytes:
                return encode([b"message", 1, target, b"greet", 1, args, kw])

            self.check_memory(1, Stream(self.server, 1, call))
