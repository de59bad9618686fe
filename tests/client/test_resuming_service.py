"""
A service that comes back to its session.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.spread import pb

from pbrealm import CachingRealm, Limits, Reason, ServerFactory, SharedDict
from pbrealm.client import LoginService, SharedDictCopy
from pbrealm.errors import CallLost
from pbrealm.testing import MemoryClient, RecordingMind
from tests.client.cases import ALICE, LoginServiceTestCase
from tests.documents import run_block


class Worker(pb.Avatar):
    def __init__(self, name: str) -> None:
        self.asked: list[Any] = []
        self.later: Deferred[Any] = Deferred()
        self.shared = SharedDict()

    def perspective_ask(self, what: Any) -> Any:
        self.asked.append(what)
        return what

    def perspective_ask_later(self, what: Any) -> Deferred[Any]:
        self.asked.append(what)
        return self.later

    def perspective_copy(self) -> SharedDict:
        return self.shared


def _plain(answer: Any) -> Any:
    return answer if isinstance(answer, tuple) else b"%d" % answer


class ResumingTests(LoginServiceTestCase):
    def setUp(self) -> None:
        self.serve(
            CachingRealm(Worker),
            ping_interval=20,
            ping_timeout=10,
            resume_seconds=60,
            connections=4,
            login_seconds=0,
        )
        self.mind = RecordingMind()
        self.start(mind=self.mind, resume=True, client_id=b"worker 1", login_timeout=5)
        self.first = self.session
        self.worker: Worker = self.first.avatar
        self.observer.take()

    def lose(self) -> None:
        self.server.clients[-1].drop()
        self.server.flush()

    def test_loss(self) -> None:
        """Calls and notifications go on, and the program notices nothing but the events."""
        perspective = self.service.perspective
        pending = self.service.call("ask_later", 1)
        self.server.flush()
        self.lose()
        self.assertTrue(self.first.away)
        self.assertIs(self.service.perspective, perspective)
        called = self.service.call("ask", 2)
        told = self.first.notify("told", 3)
        self.worker.later.callback("late")
        self.go(5)
        self.assertIs(self.session, self.first)
        self.assertEqual([self.result(each) for each in (pending, called)], ["late", 2])
        self.assertIsNone(self.result(told))
        self.assertEqual(self.worker.asked, [1, 2])
        self.assertEqual(self.mind.calls, [("told", (3,))])
        self.assertEqual(
            self.observer.take(), [("coming back", Reason.DISCONNECTED), ("resumed",)]
        )

    def test_delays(self) -> None:
        """
        They grow with losses that follow one another, and begin anew after a minute.

        They are a quarter of the time to come back in at most: no attempt is the only one.
        """
        for _ in range(12):
            self.lose()
            self.go(130)
        self.assertEqual(len(self.observer.delays), 12)
        self.assertLessEqual(max(self.observer.delays), 4)
        self.observer.delays.clear()
        for _ in range(40):
            self.lose()
            while self.first.away:
                self.go(1)
        self.assertGreater(max(self.observer.delays), 4)
        self.assertLessEqual(max(self.observer.delays), 15)
        self.assertIs(self.session, self.first)

    def test_server_is_silent(self) -> None:
        """The server doesn't answer any more, until another connection is made."""
        self.server.clients[-1].cut_off()
        called = self.service.call("ask", 1)
        self.go(50)
        self.assertEqual(self.result(called), 1)
        self.assertIs(self.session, self.first)

    def accept_with(self, begin: Callable[[MemoryClient], None]) -> None:
        """Have something done to each new connection before the server has spoken."""
        accept = self.server.accept

        def accepted(factory: Any) -> MemoryClient:
            client = accept(factory)
            begin(client)
            return client

        self.patch(self.server, "accept", accepted)

    def test_lost_before_the_greeting(self) -> None:
        """The connection that the client comes back by is lost at once: it tries again."""
        connections: list[MemoryClient] = []

        def lose(client: MemoryClient) -> None:
            connections.append(client)
            if len(connections) < 3:
                self.clock.callLater(0.1, client.drop)
                client.cut_off()

        self.accept_with(lose)
        self.lose()
        self.go(40)
        self.assertEqual(len(connections), 3)
        self.assertIs(self.session, self.first)
        self.assertFalse(self.first.away)

    def test_no_answer_for_a_while(self) -> None:
        """As of a server that SIGSTOP has stopped, whose kernel accepts connections."""
        silent: list[MemoryClient] = []

        def cut_off(client: MemoryClient) -> None:
            if len(silent) < 2:
                silent.append(client)
                client.cut_off()

        self.accept_with(cut_off)
        self.lose()
        self.go(45)
        self.assertEqual(len(silent), 2)
        self.assertIs(self.session, self.first)
        self.assertFalse(self.first.away)

    def test_busy(self) -> None:
        """The server has as many connections as it may have: the client tries again."""
        self.lose()
        others = [self.server.connect() for _ in range(4)]
        self.go(20)
        self.assertTrue(self.first.away)
        for other in others:
            other.drop()
        self.go(30)
        self.assertIs(self.session, self.first)
        self.assertFalse(self.first.away)

    def test_unreachable_for_a_while(self) -> None:
        self.endpoint.cut_off()
        self.lose()
        self.go(30)
        self.assertTrue(self.first.away)
        self.endpoint.restore()
        self.go(20)
        self.assertFalse(self.first.away)
        self.assertEqual(self.result(self.service.call("ask", 1)), 1)

    def test_unreachable_for_too_long(self) -> None:
        """The session is over at both ends, and the service logs in anew."""
        called = self.service.call("ask_later", 1)
        self.server.flush()
        self.endpoint.cut_off()
        self.lose()
        self.go(130)
        self.assertIs(self.first.ended, Reason.DISCONNECTED)
        self.failureResultOf(called, pb.PBConnectionLost)
        self.assertIsNone(self.service.perspective)
        self.endpoint.restore()
        self.go(70)
        self.assertIsNot(self.session, self.first)
        self.assertEqual(self.result(self.service.call("ask", 1)), 1)

    def test_restarted_server(self) -> None:
        """It knows nothing of the session: the service logs in anew."""
        called = self.service.call("ask_later", 1)
        self.endpoint_restarts()
        self.go(20)
        self.failureResultOf(called, pb.PBConnectionLost)
        events = self.observer.take()
        self.assertIn(("lost", Reason.DISCONNECTED), events)
        self.assertEqual(events[-1], ("logged in",))

    def test_lost_calls(self) -> None:
        """What the server says at the end tells which calls it has run."""
        run = self.service.call("ask_later", 1)
        self.server.flush()
        self.endpoint.cut_off()
        not_run = self.service.call("ask", 2)
        self.first.end(Reason.TOO_SLOW)
        self.go(15)
        self.endpoint.restore()
        self.go(60)
        self.assertEqual(self.worker.asked, [1])
        for call, expected in ((run, True), (not_run, False)):
            self.assertIs(self.failureResultOf(call, CallLost).value.run, expected)

    def test_unknown_calls(self) -> None:
        """A server that knows nothing of the session can't tell."""
        sent = self.service.call("ask_later", 1)
        self.server.flush()
        self.endpoint.cut_off()
        self.lose()
        kept = self.service.call("ask", 2)
        self.endpoint_restarts()
        self.endpoint.restore()
        self.go(60)
        for call, expected in ((sent, None), (kept, False)):
            self.assertIs(self.failureResultOf(call, CallLost).value.run, expected)

    def endpoint_restarts(self) -> None:
        self.server.kill()
        self.server.restart()

    def test_kicked_while_away(self) -> None:
        """The service is told by the goodbye if it's back soon, and by the refusal later."""
        for seconds in (0, 20):
            with self.subTest(seconds=seconds):
                self.service.startService()
                self.go(1)
                session = self.session
                self.endpoint.cut_off()
                self.lose()
                session.end(Reason.KICKED)
                self.go(seconds)
                self.endpoint.restore()
                self.go(30)
                why = self.result(self.service.when_stopped())
                self.assertIs(why.reason, Reason.KICKED)

    def test_last_attempt(self) -> None:
        """However long the delays are, there is one before it's too late."""
        self.service._backoff._window = 1000
        self.lose()
        self.go(61)
        self.assertLessEqual(max(self.observer.delays), 60)

    def test_odd_answers(self) -> None:
        """What isn't an answer ends the session, and the service logs in anew."""
        answers = [
            5,
            (b"ended", b"99", b"0"),
            (b"ended", b"x", b"0"),
            (b"resumed", b"t", b"1000000"),
        ]
        for answer in answers:
            with self.subTest(answer=answer):
                session = self.session
                state = cast(ServerFactory, self.server.factory)._server_state()
                methods = state.resumption_methods._methods
                self.patch(
                    state.resumption_methods,
                    "_methods",
                    {**methods, ("resume", 4): lambda *_, answer=answer: _plain(answer)},
                )
                self.service._backoff.reset()
                self.lose()
                self.go(20)
                self.assertIsNot(self.session, session)
                self.assertEqual(self.result(self.service.call("ask", 1)), 1)
                self.patch(state.resumption_methods, "_methods", methods)

    def test_stop(self) -> None:
        """Nothing is away afterwards."""
        self.result(self.service.stopService())
        self.assertIs(self.first.ended, Reason.LOGGED_OUT)
        self.assertFalse(self.realm.sessions())

    def test_stop_while_away(self) -> None:
        self.lose()
        self.result(self.service.stopService())
        self.assertTrue(self.first.away)
        # The next start takes its place.
        self.service.startService()
        self.go(1)
        self.assertIs(self.first.ended, Reason.REPLACED)
        self.assertEqual(len(self.realm.sessions()), 1)

    def test_copy(self) -> None:
        """A live copy is brought up to date in place, and tells what has changed."""
        copy: SharedDictCopy = self.result(self.service.call("copy"))
        changes: list[Any] = []
        copy.on_change(changes.append)
        self.lose()
        self.worker.shared["a"] = 1
        self.assertFalse(copy.stale)
        self.go(5)
        self.assertEqual((dict(copy), [set(keys) for keys in changes]), ({"a": 1}, [{"a"}]))

    def test_too_much(self) -> None:
        """More is called while away than is kept: the session is given up."""
        self.endpoint.cut_off()
        self.lose()
        calls = [self.service.call("ask", b"x" * 300_000) for _ in range(5)]
        # The last one waits for a login.
        for call in calls[:4]:
            self.assertIs(self.failureResultOf(call, CallLost).value.run, False)
        self.endpoint.restore()
        self.go(15)
        self.assertEqual(self.worker.asked, [b"x" * 300_000])
        self.assertEqual(self.result(calls[4]), b"x" * 300_000)


class DocumentTests(LoginServiceTestCase):
    def test_document(self) -> None:
        """The line of the document makes such a service."""
        self.serve()
        names = {"LoginService": LoginService, "where": "tcp:localhost:1", "mind": None}
        made = run_block("docs/clients.md", "resume=True", {**names, "credentials": ALICE})
        settings = made["service"]._settings
        self.assertEqual(settings.client_id, b"worker 7")
        self.assertEqual(settings.resume_bytes, Limits().resume_bytes)


class WithoutResumptionTests(LoginServiceTestCase):
    """
    A server that doesn't let clients come back.
    """

    def check(self) -> None:
        service = self.start(resume=True)
        called = service.call("greet")
        self.assertEqual(self.result(called), "<1>hello alice")
        self.server.clients[-1].drop()
        self.server.flush()
        self.assertFalse(self.realm.sessions())
        self.go(5)
        self.assertEqual(self.result(service.call("greet")), "<2>hello alice")
        events = [event for event, *_ in self.observer.take()]
        self.assertEqual(events, ["logged in", "lost", "coming back", "logged in"])

    def test_turned_off(self) -> None:
        self.serve(resume_seconds=0)
        self.check()

    def test_plain(self) -> None:
        self.plain = True
        self.serve()
        self.check()
        self.flushLoggedErrors()


class ArgumentTests(LoginServiceTestCase):
    def test_arguments(self) -> None:
        self.serve()
        for wrong in ({"resume_bytes": 0}, {"client_id": b""}, {"client_id": "a"}):
            self.assertRaises(ValueError, self.make, resume=True, **wrong)
