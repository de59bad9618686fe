"""
What a call has got counts while the call waits, and not for longer than it may be kept for that.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.spread import pb

from pbrealm._unsaved import COUNTED_ANSWERS, COUNTED_WAITS
from pbrealm.errors import NotifyTimeout
from pbrealm.testing import RecordingMind, StallingMind
from tests.store.answer_cases import AnswersTestCase

BIG = "x" * 100_000
# What small things count together.
LITTLE = 20_000


class KeptTestCase(AnswersTestCase):
    """
    Calls that start coroutines, which ask the client and change a state.
    """

    def setUp(self) -> None:
        super().setUp()
        self.player = StallingMind("small")
        self.connection = self.server.connect()
        self.bob = self.connection.login("bob", "s", self.player)
        (self.session,) = self.realm.sessions("bob")
        self.state: Any = self.session.avatar.state
        self.broker = self.connection.server_broker

    @property
    def counted(self) -> int:
        """How much counts for the client."""
        held: int = self.broker._held_bytes
        return held

    def begin(
        self, work: Callable[[], Coroutine[Any, Any, Any]], *args: Any, waits: bool = False
    ) -> Deferred[Any]:
        """
        Start a coroutine by a call.

        @param waits: whether the call waits for it.
        """

        def method(*args: Any) -> Any:
            done = Deferred.fromCoroutine(work())
            done.addErrback(lambda why: why.trap(pb.PBConnectionLost))
            return done if waits else 1

        self.session.avatar.perspective_begin = method
        return self.start("begin", *args, reference=self.bob)

    def answer(self, answer: object = "small") -> None:
        """Have the client answer what it was asked."""
        self.player.answer = answer
        self.player.release()
        self.server.flush()
        self.server.advance(0)

    def save_all(self) -> None:
        """Save all changes."""
        self.storage.release()
        self.server.advance(0)
        self.storage.hold()

    async def change(self) -> None:
        """Change a state, and wait until that is saved."""
        self.state["a"] = self.state.get("a", 0) + 1
        await self.state.saved()

    async def ask_and_change(self) -> None:
        """Ask the client, and change a state, for ever."""
        while True:
            await self.session.notify("next", pbtimeout=None)
            await self.change()


class LoopTests(KeptTestCase):
    """
    Coroutines that go on.
    """

    def rounds(self, count: int) -> list[int]:
        """
        @return: what counts while the state is being saved, in each.
        """
        counted = []
        for _ in range(count):
            self.answer()
            counted.append(self.counted)
            self.save()
            self.assertEqual(self.counted, 0)
        return counted

    def test_answers(self) -> None:
        """What counts doesn't grow, however many answers have come."""
        self.begin(self.ask_and_change)
        *_, before, after = self.rounds(COUNTED_WAITS * 3)
        self.assertGreater(before, 0)
        self.assertEqual(before, after)

    def test_large_answers(self) -> None:
        """One counts while it may be kept, and not for ever."""
        self.begin(self.ask_and_change)
        self.answer(BIG)
        self.assertGreater(self.counted, len(BIG))
        self.save()
        *counted, last = self.rounds(COUNTED_WAITS + 1)
        self.assertGreater(counted[0], len(BIG))
        self.assertLess(last, LITTLE)

    def test_message(self) -> None:
        """What has started a coroutine counts no longer, once its call is answered."""

        async def work() -> None:
            while True:
                await self.change()

        answer = self.begin(work, BIG)
        for _ in range(COUNTED_WAITS):
            self.assertGreater(self.counted, len(BIG))
            self.save()
            self.server.advance(0)
        self.assertEqual(self.successResultOf(answer), 1)
        self.save()
        self.server.advance(0)
        self.assertGreater(self.counted, 0)
        self.assertLess(self.counted, LITTLE)

    def test_message_of_a_method_that_runs(self) -> None:
        """It counts as long as the method may use it."""

        async def work() -> None:
            for _ in range(3 * COUNTED_WAITS):
                await self.change()

        done = self.begin(work, BIG, waits=True)
        for _ in range(3 * COUNTED_WAITS):
            self.assertNoResult(done)
            self.assertGreater(self.counted, len(BIG))
            self.save()
            self.server.advance(0)
        self.successResultOf(done)
        self.assertEqual(self.counted, 0)

    def test_several_of_one_call(self) -> None:
        """Of several that wait in turn, nothing adds up."""

        async def play(number: int) -> None:
            while True:
                await self.session.notify("next", number, pbtimeout=None)
                self.session.notify("told", pbanswer=False)
                await self.change()

        async def work() -> None:
            await gatherResults([Deferred.fromCoroutine(play(number)) for number in range(2)])

        self.begin(work)
        counted = []
        for _ in range(3 * COUNTED_WAITS):
            # The second one changes what is saved next.
            self.answer()
            self.state["other"] = 1
            self.answer()
            self.storage.release_one()
            counted.append(self.counted)
        self.assertGreater(counted[-1], 0)
        self.assertEqual(counted[-1], counted[-3])

    def test_answers_without_waiting(self) -> None:
        """Of those, too, only the last count."""

        async def work() -> None:
            for _ in range(5 * COUNTED_ANSWERS):
                await self.session.notify("next")
            await self.change()

        self.begin(work)
        for number in range(5 * COUNTED_ANSWERS):
            self.answer(BIG if number < COUNTED_ANSWERS else "small")
        self.assertGreater(self.counted, 0)
        self.assertLess(self.counted, 2 * LITTLE)

    def test_client_has_left(self) -> None:
        """What fails with the connection was in no message."""

        async def work() -> None:
            for _ in range(COUNTED_ANSWERS):
                self.session.mind.callRemote("next").addErrback(lambda _: None)
            await self.change()

        self.begin(work).addErrback(lambda _: None)
        self.bob.callRemote("echo", BIG)
        self.server.flush()
        before = self.counted
        self.assertGreater(before, 0)
        self.connection.drop()
        self.assertEqual(self.counted, before)
        self.save_all()
        self.assertEqual(self.counted, 0)


class SequenceTests(KeptTestCase):
    """
    What a client has answered counts with all that a method does next.
    """

    def test_load_and_save(self) -> None:
        reads: list[Deferred[Any]] = []

        def read(name: str) -> Deferred[Any]:
            wait: Deferred[Any] = Deferred()
            reads.append(wait)
            return wait.addCallback(lambda _: whole(name))

        whole = self.storage.read
        self.patch(self.storage, "read", read)

        async def work() -> None:
            answer = await self.session.notify("next")
            other = await self.store.load("other")
            other["a"] = len(answer)
            await other.saved()
            await self.change()

        done = self.begin(work, waits=True)
        self.answer(BIG)
        self.assertGreater(self.counted, len(BIG))
        reads.pop().callback(None)
        self.server.advance(0)
        for _ in range(2):
            self.assertNoResult(done)
            self.assertGreater(self.counted, len(BIG))
            self.save()
            self.server.advance(0)
        self.successResultOf(done)
        self.assertEqual(self.counted, 0)

    def test_several_answers(self) -> None:
        """All count that come before something is waited for."""

        async def work() -> None:
            kept = [await self.session.notify("next") for _ in range(5)]
            await self.change()
            del kept

        self.begin(work)
        for _ in range(5):
            self.answer(BIG)
        self.assertGreater(self.counted, 5 * len(BIG))
        self.save()
        self.assertEqual(self.counted, 0)

    def test_time_out(self) -> None:
        """A notification that isn't answered in time has brought nothing."""

        async def work() -> None:
            try:
                await self.session.notify("next", pbtimeout=5)
            except NotifyTimeout:
                await self.change()

        self.begin(work)
        self.bob.callRemote("echo", BIG)
        self.server.advance(5)
        self.assertGreater(self.counted, 0)
        self.assertLess(self.counted, LITTLE)


class LaterTests(KeptTestCase):
    """
    Questions that have waited themselves, since their call has changed something before.
    """

    def check(self, ask: Callable[[], Deferred[Any]]) -> None:
        async def work() -> None:
            self.state["asked"] = 1
            answer = await ask()
            await self.change()
            del answer

        for _ in range(3):
            self.begin(work)
        self.save_all()
        self.assertEqual(self.counted, 0)
        self.answer(BIG)
        self.assertGreater(self.counted, 3 * len(BIG))
        self.save_all()
        self.assertEqual(self.counted, 0)

    def test_notifications(self) -> None:
        self.check(lambda: self.session.notify("next"))

    def test_calls(self) -> None:
        self.check(lambda: self.session.mind.callRemote("next"))

    def test_what_is_not_plain(self) -> None:
        thing = pb.Referenceable()
        self.check(lambda: self.session.notify("next", thing))

    def test_without_answer(self) -> None:
        """Nothing comes of it that could count."""

        def tell() -> None:
            self.state["asked"] = 1
            self.session.notify("told", pbanswer=False)
            self.session.mind.callRemote("told", pbanswer=False)

        self.session.avatar.perspective_tell = tell
        self.start("tell", reference=self.bob)
        self.save_all()
        self.assertEqual(self.counted, 0)
        self.assertEqual([name for name, _ in self.player.calls], ["told"] * 2)


class FailingWith(RecordingMind):
    """Answers with an error."""

    def respond(self, message: str) -> object:
        raise pb.Error(self.answer)


class BroadcastTests(KeptTestCase):
    """
    The report of a broadcast counts for the call that has asked for it.
    """

    def check(self, minds: list[RecordingMind]) -> None:
        held = [self.server.connect().login("bob", "s", mind) for mind in minds]

        async def work() -> None:
            sessions = self.realm.sessions("bob")[1:]
            report = await self.realm._broadcast(sessions, "next", (), {})
            await self.change()
            del report

        self.begin(work)
        self.assertGreater(self.counted, len(minds) * len(BIG))
        self.save()
        self.server.advance(0)
        self.assertEqual(self.counted, 0)
        del held

    def test_answers(self) -> None:
        """As many as there are, in one report."""
        self.check([RecordingMind(BIG) for _ in range(COUNTED_ANSWERS + 4)])

    def test_errors(self) -> None:
        self.check([FailingWith(BIG) for _ in range(3)])

    def test_clients_that_do_not_answer(self) -> None:
        minds = [RecordingMind() for _ in range(3)]
        held = [self.server.connect().login("bob", "s", mind) for mind in minds]
        for mind in minds:
            self.patch(mind, "respond", lambda _: Deferred())

        async def work() -> None:
            await self.realm.broadcast("next", pbtimeout=5)
            await self.change()

        self.begin(work)
        for perspective in held:
            perspective.callRemote("echo", BIG)
        self.server.flush()
        self.server.clients[-1].drop()
        self.server.advance(5)
        self.assertGreater(self.counted, 0)
        self.assertLess(self.counted, LITTLE)
