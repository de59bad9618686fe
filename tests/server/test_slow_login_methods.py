"""
Login methods that take their time.
"""

from contextvars import ContextVar
from typing import Any

from twisted.internet.defer import Deferred

from pbrealm import Login, Reason, reason_of
from tests.server.login_method_cases import Asking, Counting, LoginMethodTestCase, Token

_attempt: ContextVar[str | None] = ContextVar("attempt", default=None)


class SlowMethodTests(LoginMethodTestCase):
    def setUp(self) -> None:
        self.answer: Deferred[Any] = Deferred()

    async def answered(self) -> Any:
        return await self.answer

    def test_login(self) -> None:
        for slow in (lambda: self.answer, self.answered):
            client = self.serve(Asking(slow))
            login = client.root.callRemote("ask")
            self.server.flush()
            self.assertNoResult(login)
            self.answer.callback(Login(Token(b"t0ken")))
            self.assertEqual(client.call(client.wait(login), "greet"), "<1>hello alice")
            self.answer = Deferred()

    def test_time_of_the_server(self) -> None:
        """It isn't counted, and the client's goes on afterwards from where it stood."""
        client = self.serve(Asking(self.answered), login_seconds=10)
        self.server.advance(6)
        first = client.root.callRemote("ask")
        self.server.advance(60)
        self.answer.callback(Counting(1))
        self.held = client.wait(first)
        self.server.advance(3.9)
        self.assertTrue(client.connected)
        self.server.advance(0.2)
        self.assertFalse(client.connected)

    def test_time_that_is_up(self) -> None:
        """A client that calls when its time is up, before the timeout has run, gets no more."""
        for late in (0, 0.5):
            self.answer = Deferred()
            client = self.serve(Asking(self.answered), login_seconds=10)
            # As after something that blocks the reactor, which reads before it runs timeouts.
            self.server.clock.rightNow += 10 + late
            client.root.callRemote("ask").addErrback(lambda _: None)
            client.pump()
            self.answer.callback(Counting(9))
            (timeout,) = self.server.clock.getDelayedCalls()
            self.assertEqual(timeout.getTime(), self.server.clock.seconds())
            self.server.flush()
            self.assertFalse(client.connected)

    def test_how_many(self) -> None:
        """Those under way are pending logins."""
        asked: list[Deferred[Any]] = []
        cancelled: list[Deferred[Any]] = []

        def ask() -> Deferred[Any]:
            asked.append(Deferred(cancelled.append))
            return asked[-1]

        client = self.serve(Asking(ask), logins=2, login_attempts=100)
        for _ in range(2):
            client.root.callRemote("ask").addErrback(lambda _: None)
        self.server.flush()
        why = self.refused(client, client.root, "ask")
        self.assertIn("as many logins are alive", why)
        self.assertEqual(cancelled, [asked.pop()])
        asked.pop().callback(Counting(1))
        self.server.flush()
        again = client.root.callRemote("ask")
        self.server.flush()
        self.assertNoResult(again)
        again.addErrback(lambda _: None)

    def test_context(self) -> None:
        """A coroutine runs in a context of its own, also while it waits."""

        async def begin() -> Login:
            token = _attempt.set("begun")
            await self.answer
            _attempt.reset(token)
            return Login(Token(b"t0ken"))

        client = self.serve(Asking(begin))
        login = client.root.callRemote("ask")
        self.server.flush()
        self.assertIsNone(_attempt.get())
        self.answer.callback(None)
        self.assertEqual(client.call(client.wait(login), "greet"), "<1>hello alice")

    def test_too_many_coroutines(self) -> None:
        client = self.serve(Asking(self.answered), logins=1)
        client.root.callRemote("ask").addErrback(lambda _: None)
        self.assertIn("as many logins", self.refused(client, client.root, "ask"))

    def test_client_that_leaves(self) -> None:
        client = self.serve(Asking(self.answered))
        client.root.callRemote("ask").addErrback(lambda _: None)
        self.server.flush()
        client.drop()
        self.answer.callback(Login(Token(b"t0ken")))
        self.server.flush()
        self.assertEqual(self.checker.checked, 0)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_cancelled_for_a_client_that_leaves(self) -> None:
        """Nothing is kept for a client that has left, however long the method would take."""
        cancelled: list[Any] = []
        client = self.serve(Asking(lambda: Deferred(cancelled.append)))
        client.root.callRemote("ask").addErrback(lambda _: None)
        self.server.flush()
        client.drop()
        self.assertEqual(len(cancelled), 1)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_answer_to_the_cancellation(self) -> None:
        """The portal isn't asked for a client that has left, whatever the method answers."""
        client = self.serve(
            Asking(lambda: Deferred(lambda answer: answer.callback(Login(Token(b"t0ken")))))
        )
        client.root.callRemote("ask").addErrback(lambda _: None)
        self.server.flush()
        client.drop()
        self.assertEqual(self.checker.checked, 0)

    def test_failure(self) -> None:
        client = self.serve(Asking(self.answered))
        login = client.root.callRemote("ask")
        self.server.flush()
        self.answer.errback(ZeroDivisionError())
        self.server.flush()
        failure = self.failureResultOf(login)
        self.assertIs(reason_of(failure), Reason.REFUSED)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
