"""
What a client is told waits until what it rests on is saved.
"""

from __future__ import annotations

import gc
from typing import Any

from twisted.internet.defer import Deferred
from twisted.spread import pb

from pbrealm import SharedDict
from pbrealm.client import SharedDictCopy
from pbrealm.errors import NotifyTimeout, SaveFailed
from pbrealm.testing import RecordingMind
from tests.store.answer_cases import AnswersTestCase


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

    def test_resumed_while_sending(self) -> None:
        """
        A coroutine that goes on when what it waits for is sent tells nothing unsaved either, and
        overtakes nothing.
        """
        (session,) = self.realm.sessions()

        async def say() -> None:
            await self.realm.broadcast("told", 2, pbanswer=False)
            session.avatar.state["said"] = 1
            session.mind.callRemote("told", session.avatar.state["said"], "said")

        session.avatar.perspective_say = say
        self.start("tell", 1)
        self.start("say")
        self.start("tell_only", 3)
        self.save()
        self.assertEqual(self.told(), [(1,), (2,), (3,)])
        self.save()
        self.assertEqual(self.told(), [(1,), (2,), (3,), (1, "said")])

    def test_without_answer(self) -> None:
        answer = self.start("call_without_answer", 1)
        self.assertEqual(self.told(), [])
        self.save()
        self.assertEqual(self.told(), [(1,)])
        self.assertIsNone(self.successResultOf(answer))

    def test_callback(self) -> None:
        """
        An object that the client has passed as an argument, and that the server has dropped.
        """
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
