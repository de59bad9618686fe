"""
What waits for unsaved changes counts for the memory that it takes, whatever keeps it.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.spread import pb
from zope.interface import implementer

from pbrealm import IClientAware
from pbrealm._delivery.queued_broker import MAX_HELD_BYTES
from pbrealm.testing import RecordingMind
from tests.store import answer_cases
from tests.store.answer_cases import AnswersTestCase, Player

SETS: list[Any] = [set() for _ in range(2000)]
"""Of plain data, small sets take most memory for their bytes."""

OF_FIVE: list[Any] = [{100 * number + each for each in range(5)} for number in range(400)]

ONCE = 8 * 1024
"""What takes memory once, however many calls wait, such as the commit."""

WAITS = ("answer", "echo", "broadcast", "notify", "call", "load", "delete", "names", "saved")


class CountedTests(AnswersTestCase):
    """
    Calls that wait, with arguments that are kept as long as they do.
    """

    def setUp(self) -> None:
        super().setUp()
        self.broker = self.client.server_broker
        (session,) = self.realm.sessions()
        self.session: Any = session
        session.avatar.perspective_wait = self.wait

    def wait(self, what: str, *args: Any) -> Any:
        """A method that a client calls."""
        if what in ("load", "delete", "names"):
            # Of a disk that hangs.
            self.patch(self.storage, "read", lambda name: Deferred())
            self.patch(self.storage, "names", Deferred)
        else:
            self.session.avatar.state["a"] = 1
        if what == "answer":
            return 1
        if what == "echo":
            return args
        return self.wait_here(what, *args)

    async def wait_here(self, what: str, *args: Any) -> int:
        """A coroutine, whose frame keeps the arguments."""
        match what:
            case "broadcast":
                await self.realm.broadcast("told", len(args))
            case "notify":
                await self.session.notify("told", len(args))
            case "call":
                await self.session.mind.callRemote("told", len(args))
            case "saved":
                await self.store.saved()
            case "load":
                await self.store.load("bob")
            case "names":
                await self.store.names()
            case "delete":
                self.storage.hold()
                await self.store.delete("bob")
        return len(args)

    def test_answers_of_clients(self) -> None:
        """What a client answers to a call that waits then counts, too."""
        self.mind.answer = ["x" * 100 for _ in range(10_000)]
        for what in ("notify", "call", "broadcast"):
            with self.subTest(what=what):
                self.session.avatar.perspective_wait = self.ask
                asked = self.start("wait", what)
                self.server.flush()
                self.assertNoResult(asked)
                self.assertGreater(self.broker._held_bytes, 1_000_000)
                self.storage.release()
                self.server.flush()
                self.assertEqual(self.successResultOf(asked), 10_000)
                self.assertEqual(self.broker._held_bytes, 0)
                self.storage.hold()

    async def ask(self, what: str) -> int:
        answer: Any
        match what:
            case "notify":
                answer = await self.session.notify("ask")
            case "call":
                answer = await self.session.mind.callRemote("ask")
            case "broadcast":
                report = await self.realm.broadcast("ask")
                answer = report.answered[self.session]
        self.session.avatar.state["a"] = what
        await self.session.avatar.state.saved()
        return len(answer)

    def check(self, what: str, *args: Any) -> None:
        """Check that a call counts for as much as it takes, and for no more than it may."""
        # What the client itself keeps isn't traced.
        answer: Deferred[Any] = self.alice.callRemote("wait", what, *args)
        answer.addErrback(lambda _: None)
        gc.collect()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            self.server.flush()
            gc.collect()
            taken = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
        self.assertGreater(taken, 0)
        self.assertLess(taken, self.broker._held_bytes + ONCE, what)

    def end(self) -> None:
        """Save everything."""
        for _ in range(3):
            self.storage.release()
            self.server.advance(0)
        self.storage.hold()

    def check_all(self, *arguments: Any) -> None:
        """Check calls that wait for anything, with each of these arguments."""
        # What there is by now needn't be looked at each time that garbage is collected.
        gc.freeze()
        self.addCleanup(gc.unfreeze)
        for what in WAITS:
            for argument in arguments:
                case = type(self)("check_all")
                case.setUp()
                case.check(what, argument)

    def test_plain_data(self) -> None:
        self.check_all(SETS, OF_FIVE, b"x" * 500_000)

    def test_what_is_not_plain(self) -> None:
        others = (SETS, [pb.Referenceable() for _ in range(500)], b"x" * 500_000)
        self.check_all(*([pb.Referenceable(), other] for other in others))

    def test_passed_back(self) -> None:
        """What a client passes back is noted for as long as the call goes on."""
        given = [pb.Referenceable() for _ in range(500)]
        self.session.avatar.perspective_all = lambda: given
        passed_back = self.client.call(self.alice, "all")
        for what in ("answer", "saved"):
            self.check(what, passed_back)

    def test_once(self) -> None:
        """What a message has brought counts once, however much of its call waits."""
        big = b"x" * 500_000

        async def work(big: bytes) -> None:
            self.session.avatar.state["a"] = 1
            for number in range(10):
                self.session.notify("told", number)
            await self.realm.broadcast("told", len(big))

        self.session.avatar.perspective_work = work
        self.start("work", big)
        self.assertLess(len(big), self.broker._held_bytes)
        self.assertLess(self.broker._held_bytes, 1.5 * len(big))
        self.end()
        self.assertEqual(self.broker._held_bytes, 0)

    def test_much_of_one_call(self) -> None:
        """Each thing counts that waits."""

        def work(send: Callable[[int], Any]) -> None:
            self.session.avatar.state["a"] = 1
            for number in range(1000):
                send(number)

        for send in (
            lambda number: self.session.notify("told", number),
            lambda number: self.realm.broadcast("told", number),
            lambda number: self.store.saved(),
        ):
            self.session.avatar.perspective_work = lambda send=send: work(send)
            self.start("work")
            self.assertGreater(self.broker._held_bytes, 1000 * 3000)
            self.end()
            self.assertEqual(self.broker._held_bytes, 0)

    def test_nobody_to_tell(self) -> None:
        """A broadcast that reaches nobody waits nevertheless."""

        async def work(big: bytes) -> None:
            self.session.avatar.state["a"] = 1
            await self.realm._broadcast((), "told", (len(big),), {})

        self.session.avatar.perspective_work = work
        self.start("work", b"x" * 500_000)
        self.assertGreater(self.broker._held_bytes, 500_000)
        self.end()
        self.assertEqual(self.broker._held_bytes, 0)

    def test_small_calls(self) -> None:
        """So many may be in flight that a fast client isn't held back."""
        answers = [self.alice.callRemote("wait", "answer", b"x" * 50) for _ in range(200)]
        self.server.flush()
        self.assertGreater(self.broker._held_bytes, 0)
        self.assertFalse(self.broker.send_queue.reading_held)
        self.end()
        self.assertEqual([self.successResultOf(each) for each in answers], [1] * 200)

    def test_coroutines_that_go_on(self) -> None:
        """A client is read again, also if some of its calls always wait."""
        going_on = True

        async def work() -> None:
            while going_on:
                self.session.avatar.state["a"] = 1
                await self.store.saved()

        self.session.avatar.perspective_work = work
        self.start("work")
        self.server.advance(0)
        self.start("work")
        for _ in range(10):
            self.alice.callRemote("wait", "echo", b"x" * 600_000).addErrback(lambda _: None)
        self.server.flush()
        self.assertTrue(self.broker.send_queue.reading_held)
        for _ in range(30):
            self.storage.release_one()
            self.server.advance(0)
        self.assertFalse(self.broker.send_queue.reading_held)
        going_on = False
        self.end()


class DroppedReferencesTests(AnswersTestCase):
    """
    References that are dropped while something is yet to be sent, which may be calls by them.
    """

    def setUp(self) -> None:
        super().setUp()
        self.broker = self.client.server_broker
        (session,) = self.realm.sessions()
        session.avatar.perspective_take = lambda *_: None

    def test_bound(self) -> None:
        self.start("tell", 1)
        references = [pb.Referenceable()] * 5000
        # Without a bound, 10 MB would be held.
        for _ in range(10):
            self.alice.callRemote("take", references)
        self.server.flush()
        self.assertTrue(self.broker.send_queue.reading_held)
        self.assertLess(self.broker._held_bytes, 2 * MAX_HELD_BYTES)
        self.assertEqual(len(self.client.broker.localObjects), 2)
        self.storage.release()
        for _ in range(20):
            self.server.advance(0)
        self.assertEqual(len(self.client.broker.localObjects), 1)
        self.assertEqual(self.broker._held_bytes, 0)

    def test_order(self) -> None:
        """Each is dropped after the calls by it, also one that was passed before."""
        (session,) = self.realm.sessions()
        called: list[int] = []

        class Callback(pb.Referenceable):
            def remote_told(self, number: int) -> None:
                called.append(number)

        def call(callback: Any, number: int) -> None:
            session.avatar.state["a"] = number
            callback.callRemote("told", number).addErrback(lambda _: None)

        session.avatar.perspective_call = call
        callback = Callback()
        for number in range(5):
            self.start("call", callback, number)
            self.start("take", callback)
        for _ in range(5):
            self.storage.release()
            self.server.advance(0)
        self.assertEqual(called, [0, 1, 2, 3, 4])
        self.assertEqual(len(self.client.broker.localObjects), 1)


@implementer(IClientAware)
class Present(Player):
    """Tells everybody of its coming and going."""

    realm: Any = None

    def attached(self, session: Any) -> None:
        if self.realm is not None:
            self.state["on"] = 1
            self.realm.broadcast("joined", self.name)

    def detached(self, session: Any, reason: Any) -> None:
        self.state["on"] = 0
        self.realm.broadcast("left", self.name)


class PresenceTests(AnswersTestCase):
    def setUp(self) -> None:
        self.patch(answer_cases, "Player", Present)
        super().setUp()
        self.patch(Present, "realm", self.realm)

    def test_logins(self) -> None:
        """What an avatar sends when its client comes and goes counts for the client."""
        minds = [RecordingMind() for _ in range(20)]
        held = [self.server.connect().login("bob", "s", mind) for mind in minds]
        broker = self.client.server_broker
        perspective = self.client.login("alice", "s")
        size = broker._held_bytes
        self.assertGreater(size, 20 * 200)
        del perspective
        self.server.flush()
        self.assertGreater(broker._held_bytes, 2 * size - 500)
        for _ in range(3):
            self.storage.release()
            self.server.advance(0)
        self.assertEqual(broker._held_bytes, 0)
        del held
