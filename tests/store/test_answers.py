"""
What a client is answered or told waits until what it rests on is saved.
"""

from __future__ import annotations

import gc
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import MindTrackingRealm, SharedDict, SharedStateRealm, current_session
from pbrealm.client import SharedDictCopy
from pbrealm.errors import NotifyTimeout, SaveFailed
from pbrealm.store import Store
from pbrealm.testing import MemoryServer, MemoryStorage, RecordingMind, make_portal


class Reader(pb.Referenceable):
    def __init__(self, state: Any) -> None:
        self.state = state

    def remote_set(self, key: Any, value: Any) -> int:
        self.state[key] = value
        return 7


class Shown(pb.Copyable):
    def __init__(self, value: Any) -> None:
        self.value = value


class ShownCopy(pb.RemoteCopy):
    pass


pb.setUnjellyableForClass(Shown, ShownCopy)


class Player(pb.Avatar):
    def __init__(self, name: str, state: Any) -> None:
        self.name = name
        self.state = state
        self.wait: Deferred[None] = Deferred()
        self.reader = Reader(state)
        self.items = [1]

    def perspective_echo(self, value: Any) -> Any:
        return value

    def perspective_set(self, key: Any, value: Any) -> Any:
        self.state[key] = value
        return value

    def perspective_fail(self, key: Any) -> None:
        self.state[key] = 1
        raise pb.Error("no")

    def perspective_get(self, key: Any) -> Any:
        return self.state.get(key)

    def perspective_count(self) -> int:
        return len(self.state)

    def perspective_all(self) -> Any:
        return sorted(self.state)

    def perspective_list(self, value: Any) -> Any:
        self.state["list"] = value
        return self.items

    def perspective_shown(self, value: Any) -> Any:
        self.state["shown"] = value
        return Shown(value)

    def perspective_copy(self, value: Any) -> Any:
        self.state["copied"] = value
        return self.state

    def perspective_reader(self) -> Any:
        return self.reader

    async def perspective_later(self, key: Any) -> str:
        await self.wait
        self.state[key] = 1
        return "done"

    @inlineCallbacks
    def perspective_generator(self, key: Any) -> Any:
        yield self.wait
        self.state[key] = 1
        return "done"

    def perspective_deferred(self, key: Any) -> Any:
        self.state[key] = 1
        return self.wait.addCallback(lambda _: "done")

    async def perspective_saved(self, key: Any) -> str:
        self.state[key] = 1
        try:
            await self.state.saved()
        except SaveFailed:
            return "not saved"
        return "saved"

    async def perspective_overwritten(self, key: Any) -> str:
        self.state[key] = 1
        await self.wait
        return "done"

    def perspective_tell(self, *what: Any) -> None:
        self.state["told"] = what
        session: Any = current_session()
        session.notify("told", *what)

    def perspective_call(self, method: Any, *what: Any) -> None:
        self.state["told"] = 1
        session: Any = current_session()
        session.mind.callRemote(*method, *what)

    def perspective_call_only(self, *what: Any) -> None:
        session: Any = current_session()
        session.mind.callRemote("told", *what)

    def perspective_call_back(self, callback: Any) -> None:
        self.state["told"] = 1
        callback.callRemote("told", 1).addErrback(lambda _: None)

    def perspective_call_without_answer(self, *what: Any) -> Any:
        self.state["told"] = what
        session: Any = current_session()
        return session.mind.callRemote("told", *what, pbanswer=False)

    def perspective_tell_only(self, *what: Any) -> None:
        session: Any = current_session()
        session.notify("told", *what)

    def perspective_tell_without_answer(self, *what: Any) -> None:
        self.state["told"] = what
        session: Any = current_session()
        session.notify("told", *what, pbanswer=False)


class AnswersTestCase(SynchronousTestCase):
    """
    A client whose calls change a stored state, and a storage that is slow.
    """

    plain = False
    store: Any

    def setUp(self) -> None:
        self.storage = MemoryStorage()
        self.realm = MindTrackingRealm(
            SharedStateRealm(Player, lambda name: self.store.load(name))
        )
        users = {"alice": "s", "bob": "s"}
        factory = pb.PBServerFactory(make_portal(self.realm, users)) if self.plain else None
        self.server = MemoryServer(self.realm, users, factory=factory)
        self.store = Store(self.storage, clock=self.server.clock)
        self.mind = RecordingMind()
        self.client = self.server.connect()
        self.alice = self.client.login("alice", "s", self.mind)
        self.storage.hold()

    def start(self, method: str, *args: Any, reference: Any = None) -> Deferred[Any]:
        """Call a method, whose changes are being written then."""
        answer: Deferred[Any] = (reference or self.alice).callRemote(method, *args)
        self.server.advance(0)
        return answer

    def save(self, why: str | None = None) -> None:
        """Finish what is being written; if there is a reason, it fails."""
        self.storage.broken = why
        self.assertTrue(self.storage.release_one())
        self.storage.broken = None
        self.server.flush()

    def fails(self, answer: Deferred[Any]) -> str:
        """Check that an answer has failed since its changes weren't saved."""
        why = self.failureResultOf(answer)
        self.assertTrue(why.check("pbrealm.errors.SaveFailed"), why)
        return why.getErrorMessage()

    def told(self) -> list[Any]:
        """What the client was told."""
        return [args for method, args in self.mind.calls if method == "told"]


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


class OtherObjectsTests(AnswersTestCase):
    def test_referenceable(self) -> None:
        reader = self.client.call(self.alice, "reader")
        answer = self.start("set", "a", 5, reference=reader)
        self.assertNoResult(answer)
        self.save()
        self.assertEqual(self.successResultOf(answer), 7)


class CopyTests(AnswersTestCase):
    def test_changes(self) -> None:
        """Clients with copies are told of a change once it is saved, before its answer."""
        copy = self.successResultOf(self.copy_of("bob"))
        seen: list[Any] = []
        answer = self.start("set", "b", [1])
        answer.addCallback(lambda _: seen.append(dict(copy)))
        self.assertEqual(dict(copy), {"copied": 0})
        self.save()
        self.assertEqual(seen, [{"copied": 0, "b": [1]}])

    def copy_of(self, name: str) -> Deferred[Any]:
        answer = self.start("copy", 0)
        self.save()
        return answer

    def test_undone(self) -> None:
        """They are told nothing of what is undone."""
        copy = self.successResultOf(self.copy_of("alice"))
        told: list[Any] = []
        self.patch(copy, "observe_update", told.append)
        self.patch(copy, "observe_remove", told.append)
        self.fails_later(self.start("set", "b", 1))
        self.assertEqual((told, dict(copy)), ([], {"copied": 0}))

    def fails_later(self, answer: Deferred[Any]) -> None:
        self.save("disk full")
        self.fails(answer)

    def test_new_copy(self) -> None:
        """A copy has what is saved, and is told of the rest when that is, each once."""
        state: Any = self.successResultOf(self.store.load("alice"))
        state.update({"a": 1, "gone": 2, "list": [1], 1: "one"})
        self.server.advance(0)
        self.save()
        state["a"] = 2
        state["new"] = 3
        state["list"].append(2)
        state["list"] = state["list"]
        del state["gone"], state[1]
        state[True] = "true"
        self.server.advance(0)
        state["a"] = 3
        before = self.start("copy", 4)
        self.save()
        self.assertEqual(
            dict(state), {"a": 3, "new": 3, "list": [1, 2], True: "true", "copied": 4}
        )
        self.assertNoResult(before)
        self.save()
        copy = self.successResultOf(before)
        self.assertEqual(dict(copy), dict(state))

    def test_copy_by_a_program(self) -> None:
        """Also one that is sent while changes of others are being written."""
        state: Any = self.successResultOf(self.store.load("alice"))
        state["a"] = 1
        self.server.advance(0)
        self.save()
        state["a"] = 2
        state["b"] = 2
        self.server.advance(0)
        self.realm.sessions()[0].notify("take", state)
        self.server.flush()
        copy: Any = self.mind.calls[0][1][0]
        self.assertIsInstance(copy, SharedDictCopy)
        self.assertEqual(dict(copy), {"a": 1})
        self.save()
        self.assertEqual(dict(copy), {"a": 2, "b": 2})


class NotifyTests(AnswersTestCase):
    def test_session(self) -> None:
        answer = self.start("tell", 1, [2])
        self.assertEqual(self.told(), [])
        self.save()
        self.assertEqual(self.told(), [(1, [2])])
        self.successResultOf(answer)

    def test_undone(self) -> None:
        answer = self.start("tell", 1)
        self.save("disk full")
        self.fails(answer)
        self.assertEqual(self.told(), [])
        self.assertEqual(len(self.flushLoggedErrors(SaveFailed)), 1)

    def test_without_answer(self) -> None:
        self.start("tell_without_answer", 1)
        self.assertEqual(self.told(), [])
        self.save()
        self.assertEqual(self.told(), [(1,)])

    def test_nothing_changed(self) -> None:
        self.successResultOf(self.start("tell_only", 1))
        self.assertEqual(self.told(), [(1,)])

    def test_order(self) -> None:
        """Nothing that is sent later to the same client overtakes it; others get theirs."""
        other = RecordingMind()
        bob = self.server.connect().login("bob", "s", other)
        self.start("tell", 1)
        self.successResultOf(self.start("tell_only", 2))
        report = self.realm.broadcast("told", 3)
        self.server.flush()
        self.realm.sessions("alice")[0].notify("told", 4)
        self.server.flush()
        self.assertEqual(self.told(), [])
        self.assertEqual([args for _, args in other.calls], [(3,)])
        self.assertNoResult(report)
        self.save()
        self.assertEqual(self.told(), [(1,), (2,), (3,), (4,)])
        self.assertEqual(len(self.successResultOf(report).answered), 2)
        del bob

    def test_order_after_failure(self) -> None:
        """What waits behind something that is undone is sent all the same."""
        self.start("tell", 1).addErrback(lambda _: None)
        self.start("tell_only", 2)
        self.save("disk full")
        self.assertEqual(self.told(), [(2,)])
        self.assertEqual(len(self.flushLoggedErrors(SaveFailed)), 1)

    def test_cancelled(self) -> None:
        """A notification that has had its time isn't sent later."""
        answer = self.start("tell", 1)
        self.server.advance(31)
        self.save()
        self.assertEqual(self.told(), [])
        self.successResultOf(answer)
        gc.collect()
        self.assertEqual(len(self.flushLoggedErrors(NotifyTimeout)), 1)

    def test_session_has_ended(self) -> None:
        second = RecordingMind()
        again = self.client.login("alice", "s", second)
        answer = self.start("tell", 1)
        self.realm.sessions()[0].end()
        self.server.flush()
        self.save()
        self.assertEqual(self.told(), [])
        self.flushLoggedErrors()
        answer.addErrback(lambda _: None)
        del again


class CallRemoteTests(AnswersTestCase):
    """
    Calls that an avatar makes by C{callRemote}, as plain PB does.
    """

    def test_saved(self) -> None:
        for args in ([1, [2]], [pb.Referenceable()]):
            self.start("call", ["told"], *args)
            self.assertEqual(self.told(), [])
            self.save()
            self.assertEqual(len(self.told()), 1)
            self.mind.calls.clear()

    def test_undone(self) -> None:
        self.start("call", ["told"], 1).addErrback(lambda _: None)
        self.save("disk full")
        self.assertEqual(self.told(), [])
        gc.collect()
        self.assertEqual(len(self.flushLoggedErrors(SaveFailed)), 1)

    def test_order(self) -> None:
        self.start("call", ["told"], 1)
        self.start("call_only", 2)
        self.start("tell_only", pb.Referenceable())
        self.start("call_only", 3)
        self.assertEqual(self.told(), [])
        self.save()
        self.assertEqual([args[0] for args in self.told() if args[0] in (1, 2, 3)], [1, 2, 3])
        self.assertEqual([len(args) for args in self.told()], [1] * 4)

    def test_without_answer(self) -> None:
        answer = self.start("call_without_answer", 1)
        self.assertEqual(self.told(), [])
        self.save()
        self.assertEqual(self.told(), [(1,)])
        self.assertIsNone(self.successResultOf(answer))

    def test_callback(self) -> None:
        """An object that the client has passed as an argument."""
        callback = RecordingMind()
        self.start("call_back", callback)
        self.assertEqual(callback.calls, [])
        self.save()
        self.assertEqual(callback.calls, [("told", (1,))])

    def test_client_has_left(self) -> None:
        self.start("call", ["told"], 1).addErrback(lambda _: None)
        self.client.drop()
        self.storage.release_one()
        gc.collect()
        self.assertEqual(len(self.flushLoggedErrors(pb.DeadReferenceError)), 1)


class BroadcastTests(AnswersTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.others = [RecordingMind() for _ in range(3)]
        self.held = [self.server.connect().login("bob", "s", mind) for mind in self.others]

    def broadcast(self, *args: Any) -> Deferred[Any]:
        """Change something in a call, and tell all."""
        reports: list[Deferred[Any]] = []

        def change() -> None:
            avatar.state["a"] = 1
            reports.append(self.realm.broadcast("told", *args))

        avatar = self.realm.sessions("alice")[0].avatar
        avatar.perspective_change = change
        self.start("change").addErrback(lambda _: None)
        return reports[0]

    def heard(self) -> list[Any]:
        return [[args for _, args in mind.calls] for mind in (self.mind, *self.others)]

    def test_saved(self) -> None:
        for args in ((1,), (pb.Referenceable(),)):
            report = self.broadcast(*args)
            self.assertEqual(self.heard(), [[]] * 4)
            self.assertNoResult(report)
            self.save()
            self.assertEqual([len(calls) for calls in self.heard()], [1] * 4)
            self.assertEqual(len(self.successResultOf(report).answered), 4)
            for mind in (self.mind, *self.others):
                mind.calls.clear()

    def test_undone(self) -> None:
        report = self.broadcast(1)
        self.save("disk full")
        self.assertEqual(self.heard(), [[]] * 4)
        failed = self.successResultOf(report).failed
        self.assertEqual([type(why.value) for why in failed.values()], [SaveFailed] * 4)

    def test_cancelled(self) -> None:
        report = self.broadcast(1)
        report.cancel()
        self.assertEqual(len(self.successResultOf(report).failed), 4)
        self.save()
        self.assertEqual(self.heard(), [[]] * 4)

    def test_two(self) -> None:
        """They come in order, also if one of them is undone."""
        self.broadcast(1)
        self.save()
        self.broadcast(2)
        report = self.realm.broadcast("told", 3)
        self.save("disk full")
        self.assertEqual(self.heard(), [[(1,), (3,)]] * 4)
        self.assertEqual(len(self.successResultOf(report).answered), 4)

    def test_lost_connection(self) -> None:
        report = self.broadcast(1)
        self.server.clients[-1].drop()
        self.save()
        self.assertEqual(len(self.successResultOf(report).gone), 1)

    def test_shared_dict(self) -> None:
        """Changes of what isn't stored itself come in order, too."""
        shared = SharedDict("room", clock=self.server.clock)
        self.realm.sessions("alice")[0].notify("take", shared)
        self.server.flush()
        copy: Any = self.mind.calls[0][1][0]
        self.assertIsInstance(copy, SharedDictCopy)

        def change() -> None:
            avatar.state["a"] = 1
            shared["a"] = 1

        avatar = self.realm.sessions("alice")[0].avatar
        avatar.perspective_change = change
        self.start("change")
        shared["a"] = 2
        self.server.flush()
        self.assertEqual(dict(copy), {})
        self.save()
        self.assertEqual(dict(copy), {"a": 2})
