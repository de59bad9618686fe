"""
What waits for unsaved changes is bounded for each client, and the client isn't lost over it.
"""

from __future__ import annotations

import gc
import weakref
from typing import Any

from twisted.internet.defer import Deferred
from twisted.spread import pb

from pbrealm._delivery.queued_broker import MAX_HELD_BYTES
from pbrealm._delivery.unsent import UNSENT_ATTRIBUTE
from pbrealm.client import SharedDictCopy
from pbrealm.store import Store
from pbrealm.testing import MemoryStorage, RecordingMind
from tests.store.answer_cases import AnswersTestCase, Shown

BIG = 100_000
# With one more call, whose broadcast counts more than its encoding.
ALLOWED = MAX_HELD_BYTES + 10 * BIG


class WaitingTests(AnswersTestCase):
    """
    A client that makes many calls in one go while nothing can be saved.
    """

    def setUp(self) -> None:
        super().setUp()
        self.avatar = self.realm.sessions()[0].avatar
        self.avatar.perspective_do = self.do
        self.done = 0
        self.broker = self.client.server_broker

    def do(self, what: str, number: int) -> Any:
        """A method whose answer waits."""
        self.done += 1
        state = self.avatar.state
        state["a"] = number
        match what:
            case "list":
                return [number, b"x" * BIG]
            case "string":
                return "x" * BIG
            case "error":
                raise pb.Error("x" * BIG)
            case "object":
                return pb.Referenceable()
            case "notify":
                self.realm.sessions()[0].notify("told", b"x" * BIG)
            case "broadcast":
                self.realm.broadcast("told", b"x" * BIG)
        return number

    def ask(self, what: str, count: int = 2000) -> list[Deferred[Any]]:
        """Make many calls."""
        answers = [self.alice.callRemote("do", what, number) for number in range(count)]
        self.server.flush()
        return answers

    def check(self, what: str, count: int = 300) -> list[Any]:
        """
        Check that the server doesn't take more calls than it has room to wait for, and that all
        are answered in the end.
        """
        answers = self.ask(what, count)
        self.assertLess(self.done, count)
        self.assertLessEqual(self.broker._held_bytes, ALLOWED)
        for _ in range(count):
            self.server.advance(0)
            if not self.storage.release_one():
                break
            self.server.advance(0)
        self.assertEqual(self.done, count)
        self.assertEqual(self.broker._held_bytes, 0)
        found: list[Any] = []
        for answer in answers:
            answer.addBoth(found.append)
        self.assertEqual(len(found), count)
        return found

    def test_lists(self) -> None:
        self.assertEqual(self.check("list"), [[n, b"x" * BIG] for n in range(300)])

    def test_strings(self) -> None:
        self.check("string")

    def test_errors(self) -> None:
        self.check("error")

    def test_objects(self) -> None:
        self.check("object")

    def test_notifications(self) -> None:
        self.check("notify")
        self.assertEqual(len(self.told()), 300)

    def test_broadcasts(self) -> None:
        self.check("broadcast")
        self.assertEqual(len(self.told()), 300)

    def test_numbers(self) -> None:
        self.check("number", 3000)

    def test_others(self) -> None:
        """Other clients are served meanwhile."""
        bob = self.server.connect().login("bob", "s")
        self.ask("list")
        self.assertEqual(self.successResultOf(self.start("echo", 5, reference=bob)), 5)

    def test_keepalive(self) -> None:
        """A client whose messages aren't read isn't taken for dead."""
        for answer in self.ask("list", 100):
            answer.addErrback(lambda _: None)
        for _ in range(300):
            self.server.advance(1)
        (session,) = self.realm.sessions()
        self.assertIsNone(session.ended)
        done = self.done
        self.save()
        self.server.advance(0)
        self.assertGreater(self.done, done)
        # Once it is read again, silence counts.
        self.client.cut_off()
        for _ in range(300):
            self.storage.release_one()
            self.server.advance(1)
        self.assertIsNotNone(session.ended)

    def test_waiting_coroutines(self) -> None:
        """A method that waits itself counts, too."""

        async def work(number: int) -> int:
            self.done += 1
            self.avatar.state["a"] = number
            await self.avatar.state.saved()
            return number

        self.avatar.perspective_work = work
        answers = [self.alice.callRemote("work", number) for number in range(2000)]
        self.server.flush()
        self.assertLess(self.done, 1000)
        for _ in range(20):
            self.server.advance(0)
            self.storage.release_one()
            self.server.advance(0)
        self.assertEqual([self.successResultOf(each) for each in answers], list(range(2000)))
        self.assertEqual(self.broker._held_bytes, 0)

    def test_arguments_of_what_is_not_plain(self) -> None:
        """What isn't plain data counts as much as the message that led to it."""

        def echo(thing: Any) -> Any:
            self.done += 1
            self.avatar.state["a"] = 1
            return thing

        def fail(thing: Any) -> Any:
            echo(thing)
            raise ValueError

        def tell(thing: Any) -> None:
            echo(thing)
            self.realm.broadcast("told", thing)

        for method in (echo, fail, tell):
            self.avatar.perspective_method = method
            self.done = 0
            answers = [
                self.alice.callRemote("method", [pb.Referenceable(), b"x" * BIG])
                for _ in range(100)
            ]
            self.server.flush()
            self.assertLess(self.done, 50)
            for _ in range(100):
                self.server.advance(0)
                self.storage.release_one()
                self.server.advance(0)
            self.assertEqual(self.done, 100)
            for answer in answers:
                answer.addErrback(lambda _: None)
            self.assertEqual(self.broker._held_bytes, 0)
        self.flushLoggedErrors()

    def test_arguments(self) -> None:
        """The arguments of a call aren't kept until its answer is sent."""
        kept: list[weakref.ref[Any]] = []

        def take(thing: Any) -> int:
            kept.append(weakref.ref(thing))
            self.avatar.state["a"] = 1
            return 1

        async def take_later(thing: Any) -> int:
            return take(thing)

        for method in (take, take_later):
            self.avatar.perspective_take = method
            answer = self.start("take", Shown(1))
            self.assertNoResult(answer)
            gc.collect()
            self.assertIsNone(kept.pop()())
            self.save()
            self.assertEqual(self.successResultOf(answer), 1)

    def test_client_has_left(self) -> None:
        """What its calls keep counts until they are done."""
        for answer in self.ask("list"):
            answer.addErrback(lambda _: None)
        before = self.broker._held_bytes
        self.client.drop()
        self.assertEqual(self.broker._held_bytes, before)
        self.save()
        self.server.advance(0)
        self.assertEqual(self.broker._held_bytes, 0)


class LastingTests(AnswersTestCase):
    """
    What goes on after a failure to save.
    """

    def test_coroutine(self) -> None:
        """Its later notifications are sent; its answer fails, since it rests on what is undone."""
        steps: list[Deferred[None]] = [Deferred(), Deferred()]
        session: Any = self.realm.sessions()[0]

        async def work() -> str:
            session.avatar.state["a"] = 1
            session.notify("told", 1).addErrback(lambda _: None)
            for number, step in enumerate(steps, 2):
                await step
                session.notify("told", number)
            return "done"

        session.avatar.perspective_work = work
        answer = self.start("work")
        self.save("disk full")
        self.assertEqual(self.told(), [])
        for number, step in enumerate(steps, 2):
            step.callback(None)
            self.server.flush()
            self.assertEqual(self.told()[-1], (number,))
        self.fails(answer)

    def test_two_stores(self) -> None:
        """What one store has undone isn't made good by what another saves."""
        other = Store(slow := MemoryStorage(), clock=self.server.clock)
        bank: Any = self.successResultOf(other.load("bank"))
        slow.hold()
        session: Any = self.realm.sessions()[0]
        step: Deferred[None] = Deferred()

        async def work() -> str:
            session.avatar.state["a"] = 1
            bank["a"] = 1
            session.notify("told", 1).addErrback(lambda _: None)
            await step
            return "done"

        session.avatar.perspective_work = work
        answer = self.start("work")
        self.save("disk full")
        slow.release()
        step.callback(None)
        self.server.flush()
        self.assertEqual(self.told(), [])
        self.fails(answer)

    def test_time_out(self) -> None:
        """A notification that was sent late, and isn't answered in time, is forgotten."""
        session: Any = self.realm.sessions()[0]
        self.patch(self.mind, "respond", lambda _: Deferred())
        self.start("tell", 1)
        self.save()
        self.assertEqual(len(self.told()), 1)
        waiting = session.mind.broker.waitingForAnswers
        self.assertEqual(len(waiting), 1)
        self.server.advance(31)
        self.assertEqual(len(waiting), 0)
        self.flushLoggedErrors()

    def test_order_of_commits(self) -> None:
        """Changes are told in order, also if a write is done at once after one that took time."""
        answer = self.start("copy", 0)
        self.save()
        copy = self.successResultOf(answer)
        self.assertIsInstance(copy, SharedDictCopy)
        state: Any = self.realm.sessions()[0].avatar.state
        state["a"] = 1
        self.server.advance(0)
        state["a"] = 2
        self.storage.release()
        self.server.flush()
        self.assertEqual(dict(copy), {"copied": 0, "a": 2})


class OddDataTests(AnswersTestCase):
    """
    A client has things sent that contain themselves, or have much in them many times.
    """

    def setUp(self) -> None:
        super().setUp()
        cycle: list[Any] = [1]
        cycle.append(cycle)
        row = ["x" * 100] * 10
        self.odd = [cycle, [row] * 20_000]

    def test_notifications(self) -> None:
        """They come, and nobody's broadcast, and no session's end, is disturbed by them."""
        other = RecordingMind()
        bob = self.server.connect().login("bob", "s", other)
        (session,) = self.realm.sessions("alice")
        self.start("tell", 1)
        for thing in self.odd:
            session.notify("told", thing)
            self.realm.broadcast("told", thing)
        session.end()
        self.assertFalse(self.realm.sessions("alice"))
        self.realm.broadcast("told", 2)
        self.server.flush()
        self.save()
        self.assertEqual(other.calls[-1], ("told", (2,)))
        self.assertEqual(len(other.calls), 3)
        self.flushLoggedErrors()
        del bob

    def test_answers(self) -> None:
        """They are answered as they are without a store."""
        (session,) = self.realm.sessions("alice")

        def odd(number: int) -> Any:
            session.avatar.state["a"] = number
            return self.odd[number]

        session.avatar.perspective_odd = odd
        for number in range(2):
            answer = self.start("odd", number)
            self.save()
            answer.addErrback(lambda why: why.trap(pb.RemoteError) and None)
            self.successResultOf(answer)
        self.assertEqual(self.client.server_broker._held_bytes, 0)
        self.flushLoggedErrors()

    def test_sender_that_fails(self) -> None:
        """What can't be sent doesn't keep anything else back."""
        (session,) = self.realm.sessions("alice")
        self.start("tell", 1)
        broken = session.notify("told", 2)
        session.notify("told", 3)
        unsent: Any = vars(session.mind.broker)[UNSENT_ATTRIBUTE]
        _, (broken_sender, *_), _ = unsent.values()
        self.patch(broken_sender, "send_to", lambda at: 1 / 0)
        self.save()
        self.assertEqual(self.told(), [(1,), (3,)])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        broken.addErrback(lambda _: None).cancel()


class PassedBackTests(AnswersTestCase):
    """
    What another session's client passes back in a call doesn't become that session's, also if it
    is sent later.
    """

    def check(self, send: Any) -> None:
        """alice and bob are on one connection; bob passes back what alice was given."""
        reader = self.client.call(self.alice, "reader")
        bob = self.client.login("bob", "s", self.mind)
        (session,) = self.realm.sessions("bob")

        def pass_on(thing: Any) -> None:
            session.avatar.state["a"] = 1
            send(session, thing)

        session.avatar.perspective_pass_on = pass_on
        self.start("pass_on", reader, reference=bob)
        self.save()
        self.assertEqual(len(self.told()), 1)
        self.realm.sessions("alice")[0].end()
        self.server.flush()
        self.assertIsNone(session.ended)
        why = self.failureResultOf(self.start("set", "b", 1, reference=reader))
        self.assertTrue(why.check("pbrealm.errors.SessionEnded"), why)

    def test_notification(self) -> None:
        self.check(lambda session, thing: session.notify("told", thing))

    def test_call(self) -> None:
        self.check(lambda session, thing: session.mind.callRemote("told", thing))

    def test_broadcast(self) -> None:
        self.mind.calls.clear()
        self.check(lambda session, thing: self.realm._broadcast((session,), "told", (thing,), {}))
