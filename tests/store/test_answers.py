"""
What a client is answered waits until what it rests on is saved.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, TimeoutError
from twisted.spread import pb

from tests.store.answer_cases import AnswersTestCase


class AnswerTests(AnswersTestCase):
    def check(self, method: str, *args: Any, expected: Any) -> None:
        answer = self.start(method, *args)
        self.assertNoResult(answer)
        self.save()
        self.assertEqual(self.successResultOf(answer), expected)
        answer = self.start(method, *args)
        self.assertNoResult(answer)
        self.save("disk full")
        self.fails(answer)

    def test_change(self) -> None:
        self.check("set", "a", 5, expected=5)

    def test_coroutine(self) -> None:
        self.realm.sessions()[0].avatar.wait.callback(None)
        self.check("later", "a", expected="done")

    def test_generator(self) -> None:
        self.realm.sessions()[0].avatar.wait.callback(None)
        self.check("generator", "a", expected="done")

    def test_deferred(self) -> None:
        self.realm.sessions()[0].avatar.wait.callback(None)
        self.check("deferred", "a", expected="done")

    def test_error(self) -> None:
        """An error is an answer, too."""
        answer = self.start("fail", "a")
        self.assertNoResult(answer)
        self.save()
        self.assertEqual(self.failureResultOf(answer).getErrorMessage(), "no")

    def test_nothing_changed(self) -> None:
        """A call that neither changes nor reads what is unsaved waits for nothing."""
        self.start("set", "a", 5)
        self.assertEqual(self.successResultOf(self.start("echo", 6)), 6)
        bob = self.server.connect().login("bob", "s")
        self.assertIsNone(self.successResultOf(self.start("get", "a", reference=bob)))

    def test_reading_what_is_unsaved(self) -> None:
        """What another call has changed could still be undone."""
        for method, args, expected in (("get", ["a"], 5), ("count", [], 1), ("all", [], ["a"])):
            change = self.start("set", "a", 5)
            answers = [self.start(method, *args)]
            self.assertNoResult(answers[0])
            self.save()
            answers.append(self.start(method, *args))
            self.assertEqual([self.successResultOf(each) for each in answers], [expected] * 2)
            self.successResultOf(change)

    def test_reading_what_is_undone(self) -> None:
        self.start("set", "a", 5).addErrback(lambda _: None)
        answer = self.start("get", "a")
        self.save("disk full")
        self.fails(answer)
        self.assertIsNone(self.successResultOf(self.start("get", "a")))

    def test_handled(self) -> None:
        """A method that has waited for its changes itself knows what became of them."""
        answers = [self.start("saved", "a")]
        self.save()
        answers.append(self.start("saved", "a"))
        self.save("disk full")
        self.assertEqual([self.successResultOf(each) for each in answers], ["saved", "not saved"])

    def test_time_out(self) -> None:
        """One that has stopped waiting doesn't know it."""
        (session,) = self.realm.sessions()

        async def impatient() -> str:
            session.avatar.state["a"] = 1
            try:
                await session.avatar.state.saved().addTimeout(1, self.server.clock)
            except TimeoutError:
                return "probably"
            return "saved"

        session.avatar.perspective_impatient = impatient
        answer = self.start("impatient")
        self.server.advance(1)
        self.assertNoResult(answer)
        self.save("disk full")
        self.fails(answer)

    def test_undone_before_the_answer(self) -> None:
        """A method that goes on after its changes were undone has an answer that rests on them."""
        answer = self.start("overwritten", "a")
        self.save("disk full")
        self.assertNoResult(answer)
        self.realm.sessions()[0].avatar.wait.callback(None)
        self.server.flush()
        self.fails(answer)

    def test_later_changes(self) -> None:
        """The answer is what it was when the method returned."""
        avatar = self.realm.sessions()[0].avatar
        answer = self.start("list", "x")
        avatar.items.append(2)
        self.save()
        self.assertEqual(self.successResultOf(answer), [1])

    def test_copyable(self) -> None:
        answer = self.start("shown", "x")
        self.assertNoResult(answer)
        self.save()
        self.assertEqual(self.successResultOf(answer).value, "x")

    def test_keyword_arguments(self) -> None:
        """They may have any names."""
        answer: Deferred[Any] = self.alice.callRemote("echo", value=1)
        self.server.flush()
        self.assertEqual(self.successResultOf(answer), 1)

    def test_client_has_left(self) -> None:
        answer = self.start("set", "a", 5)
        self.client.drop()
        self.storage.release_one()
        self.server.flush()
        self.failureResultOf(answer, pb.PBConnectionLost)
        self.assertEqual(dict(self.successResultOf(self.store.load("alice"))), {"a": 5})


class PlainServerTests(AnswerTests):
    """The same with a plain C{pb.PBServerFactory}."""

    plain = True

    def test_coroutine(self) -> None:
        """Twisted's broker can't answer with a coroutine."""
        self.realm.sessions()[0].avatar.wait.callback(None)
        self.check("later", "a", expected="done")


class Original(pb.Cacheable):
    """Of a client, which the server has a copy of."""

    def getStateToCacheAndObserveFor(self, perspective: Any, observer: Any) -> Any:
        self.observer = observer
        return {}


class Copied(pb.RemoteCache):
    """Has a method that changes what is stored."""

    state: Any

    def observe_set(self, key: Any, value: Any) -> int:
        self.state[key] = value
        return 7


pb.setUnjellyableForClass(Original, Copied)


class OtherObjectsTests(AnswersTestCase):
    def test_remote_cache(self) -> None:
        original = Original()
        copies: list[Any] = []
        (session,) = self.realm.sessions()
        session.avatar.perspective_watch = copies.append
        self.client.call(self.alice, "watch", original)
        copies[0].state = session.avatar.state
        answer: Deferred[Any] = original.observer.callRemote("set", "a", 5)
        self.server.advance(0)
        self.assertNoResult(answer)
        self.save()
        self.assertEqual(self.successResultOf(answer), 7)

    def test_referenceable(self) -> None:
        reader = self.client.call(self.alice, "reader")
        answer = self.start("set", "a", 5, reference=reader)
        self.assertNoResult(answer)
        self.save()
        self.assertEqual(self.successResultOf(answer), 7)
