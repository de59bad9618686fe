"""
The service that stays logged in: what a program does with it.
"""

import gc
from typing import Any

from twisted.application.service import IService, MultiService
from twisted.cred.credentials import Anonymous
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import Clock
from twisted.spread import pb
from zope.interface.verify import verifyObject

from pbrealm import (
    AnonymousRealm,
    CachingRealm,
    LoginEnded,
    LoginRefused,
    NotLoggedIn,
    Reason,
)
from pbrealm.client import LoginService
from tests.avatars import Player
from tests.client.cases import ALICE, LoginServiceTestCase, ManualEndpoint


class LogInTests(LoginServiceTestCase):
    def setUp(self):
        self.serve()

    def test_interface(self):
        verifyObject(IService, self.make())

    def test_logs_in(self):
        service = self.start()
        self.assertEqual(self.session.avatar_id, "alice")
        self.assertIsInstance(service.perspective, pb.RemoteReference)
        self.assertEqual(self.observer.events, [("logged in",)])
        self.assertEqual(repr(service), "<LoginService logged in>")

    def test_keeps_its_login(self):
        """Also if the program doesn't hold the perspective."""
        self.start()
        gc.collect()
        self.go(100)
        self.assertIsNone(self.session.ended)

    def test_when_logged_in(self):
        service = self.make()
        early = service.when_logged_in()
        self.assertNoResult(early)
        service.startService()
        self.assertIs(self.result(early), service.perspective)
        self.assertIs(self.result(service.when_logged_in()), service.perspective)

    def test_call(self):
        service = self.start()
        self.assertEqual(self.result(service.call("greet")), "<1>hello alice")

    def test_call_before_the_login(self):
        service = self.make()
        calls = [service.call("greet") for _ in range(3)]
        self.server.flush()
        service.startService()
        self.assertEqual(
            [self.result(call) for call in calls], [f"<{n}>hello alice" for n in (1, 2, 3)]
        )

    def test_call_without_an_answer(self):
        service = self.start()
        self.assertIsNone(self.result(service.call("greet", pbanswer=False)))
        self.assertEqual(self.result(service.call("greet")), "<2>hello alice")

    def test_call_that_fails(self):
        service = self.start()
        for call in (service.call("fail"), service.call("nothing")):
            self.server.flush()
            self.failureResultOf(call)
        self.flushLoggedErrors()
        wrong: Any = 5
        self.failureResultOf(service.call(wrong))
        self.assertEqual(self.result(service.call("greet")), "<1>hello alice")

    def test_call_without_a_login_in_time(self):
        """It fails, and the next login makes it no more."""
        service = self.make()
        late = service.call("greet", pbwait=5)
        default = service.call("greet")
        forever = service.call("greet", pbwait=None)
        self.go(4)
        self.assertNoResult(late)
        self.go(1)
        why = self.failureResultOf(late, NotLoggedIn).value
        self.assertEqual(str(why), "no login within 5 seconds (reason 9)")
        self.go(24)
        self.assertNoResult(default)
        self.go(1)
        self.failureResultOf(default, NotLoggedIn)
        self.go(1000)
        service.startService()
        self.assertEqual(self.result(forever), "<1>hello alice")

    def test_wait_that_is_no_time(self):
        service = self.make()
        for wrong in (0, -1, "1", float("nan"), True):
            self.assertRaises(ValueError, service.call, "greet", pbwait=wrong)

    def test_keyword_arguments_of_the_method(self):
        """All names but those of Perspective Broker and C{pbwait} are the method's."""
        got: dict[str, Any] = {}
        Player.perspective_take = lambda self, **kw: got.update(kw)  # type: ignore[attr-defined]
        self.addCleanup(delattr, Player, "perspective_take")
        service = self.start()
        self.result(service.call("take", method=1, timeout=3, pbwait=4))
        self.assertEqual(got, {"method": 1, "timeout": 3})

    def test_cancelled_calls(self):
        """Waiting or under way, it harms no other."""
        service = self.make()
        cancelled, kept = service.call("greet"), service.call("greet")
        waiting = service.when_logged_in()
        for each in (cancelled, waiting):
            each.cancel()
            self.failureResultOf(each, CancelledError)
        service.startService()
        self.assertEqual(self.result(kept), "<1>hello alice")
        under_way = service.call("later")
        self.server.flush()
        under_way.cancel()
        self.failureResultOf(under_way, CancelledError)
        self.assertEqual(self.result(service.call("greet")), "<2>hello alice")

    def test_call_under_way_when_the_connection_is_lost(self):
        """It fails as with plain Perspective Broker, and isn't made again."""
        service = self.start()
        call = service.call("later")
        self.server.flush()
        self.endpoint.clients[0].drop()
        self.failureResultOf(call, pb.PBConnectionLost)
        self.go(4)
        self.assertEqual(self.result(service.call("greet")), "<1>hello alice")

    def test_call_while_coming_back(self):
        service = self.start()
        self.endpoint.clients[0].drop()
        self.assertIsNone(service.perspective)
        call = service.call("greet")
        self.go(4)
        self.assertEqual(self.result(call), "<1>hello alice")


class LogInUnderAPlainFactoryTests(LogInTests):
    plain = True


class CredentialsTests(LoginServiceTestCase):
    def setUp(self):
        self.serve()

    def test_anonymous(self):
        self.serve(AnonymousRealm(CachingRealm(Player), CachingRealm(Player)))
        self.start(credentials=Anonymous())
        self.assertEqual(self.session.avatar_id, "guest#1")

    def test_asked_for_at_each_login(self):
        asked = []

        def credentials():
            asked.append(self.clock.seconds())
            return ALICE

        self.start(credentials=credentials)
        self.endpoint.clients[0].drop()
        self.go(4)
        self.assertEqual(len(asked), 2)
        self.assertEqual(self.session.avatar_id, "alice")

    def test_asynchronous(self):
        async def coroutine():
            return ALICE

        for credentials in (lambda: succeed(ALICE), coroutine):
            service = self.start(credentials=credentials)
            self.assertIsNotNone(service.perspective)
            service.stopService()
            self.server.flush()

    def test_a_class(self):
        self.serve(AnonymousRealm(CachingRealm(Player), CachingRealm(Player)))
        self.start(credentials=Anonymous)
        self.assertEqual(self.session.avatar_id, "guest#1")

    def test_failing(self):
        """It is logged, and tried again."""
        results = [ZeroDivisionError(), ALICE]

        def credentials():
            result = results.pop(0)
            if isinstance(result, Exception):
                raise result
            return result

        service = self.start(credentials=credentials)
        self.assertEqual(self.observer.take(), [("coming back", Reason.BUSY)])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.go(4)
        self.assertIsNotNone(service.perspective)

    def test_none_to_be_had(self):
        """By an error of cred or of pbrealm the program says that there is no use in trying."""
        for error in (UnauthorizedLogin("the token has expired"), LoginRefused("no token")):

            def credentials(error: Exception = error) -> None:
                raise error

            service = self.start(credentials=credentials)
            self.assertEqual(self.observer.take(), [("stopped", Reason.REFUSED)])
            why = self.successResultOf(service.when_stopped())
            self.assertRegex(str(why), "^no credentials: .*token.* \\(reason 4\\)$")
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_too_slow(self):
        asked: Deferred[Any] = Deferred()
        self.start(credentials=lambda: asked, login_timeout=20)
        self.go(19)
        self.assertEqual(self.observer.events, [])
        self.go(1)
        self.assertEqual(self.observer.take(), [("coming back", Reason.NO_ANSWER)])
        self.assertTrue(asked.called)

    def test_what_is_no_credentials(self):
        service = self.start(credentials=lambda: "alice")
        why = self.successResultOf(service.when_stopped())
        self.assertIn("credentials must be UsernamePassword", str(why))

    def test_stopped_by_the_function(self):
        stopped = []

        def credentials():
            stopped.append(self.service.stopService())
            return ALICE

        service = self.start(credentials=credentials)
        self.successResultOf(stopped[0])
        self.assertEqual(self.observer.take(), [("stopped", Reason.LOGGED_OUT)])
        self.assertEqual(self.endpoint.clients, [])
        self.assertIsNone(service.perspective)


class EndpointsTests(LoginServiceTestCase):
    def setUp(self):
        self.serve()

    def test_tried_in_turn(self):
        first, second = ManualEndpoint(), ManualEndpoint()
        self.start([first, second, self.endpoint])
        self.assertEqual((len(first.attempts), len(second.attempts)), (1, 0))
        first.attempts[0][1].errback(OSError("no route"))
        self.go(4)
        self.assertEqual((len(first.attempts), len(second.attempts)), (1, 1))
        second.attempts[0][1].errback(OSError("no route"))
        self.go(8)
        self.assertEqual(len(self.endpoint.clients), 1)
        self.assertIsNotNone(self.service.perspective)

    def test_stays_with_the_one_that_it_was_logged_in_at(self):
        first = ManualEndpoint()
        self.start([first, self.endpoint])
        first.attempts[0][1].errback(OSError("no route"))
        self.go(4)
        self.endpoint.clients[0].drop()
        self.go(8)
        self.assertEqual((len(first.attempts), len(self.endpoint.clients)), (1, 2))

    def test_first_again_after_the_last(self):
        first, second = ManualEndpoint(), ManualEndpoint()
        self.start([first, second])
        for endpoint in (first, second):
            endpoint.attempts[0][1].errback(OSError("no route"))
            self.go(8)
        self.assertEqual((len(first.attempts), len(second.attempts)), (2, 1))

    def test_connect_raises(self):
        class Raising(ManualEndpoint):
            def connect(self, factory):
                raise ZeroDivisionError

        self.start(Raising())
        self.assertEqual(self.observer.take(), [("coming back", Reason.DISCONNECTED)])

    def test_string(self):
        service = LoginService("tcp:127.0.0.1:8787", ALICE, reactor=Clock())
        self.assertIsNone(service.perspective)


class StopTests(LoginServiceTestCase):
    def setUp(self):
        self.serve()

    def test_logs_out(self):
        """The server hears of a log-out, also if the program holds the perspective."""
        service = self.start()
        held, session = service.perspective, self.session
        stopped = service.stopService()
        self.assertNoResult(stopped)
        self.assertIsNone(service.perspective)
        self.result(stopped)
        self.assertIs(session.ended, Reason.LOGGED_OUT)
        self.assertFalse(self.endpoint.clients[0].connected)
        left = [str(call) for call in self.clock.getDelayedCalls()]
        self.assertEqual([call for call in left if "abort" in call], [])
        self.assertEqual(
            self.observer.events,
            [("logged in",), ("lost", Reason.LOGGED_OUT), ("stopped", Reason.LOGGED_OUT)],
        )
        del held
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_perspective_that_is_dropped_while_it_logs_out(self):
        """The server is told once that the client holds it no more."""
        service = self.start()
        held, session = service.perspective, self.session
        told: list[Any] = []
        self.patch(held.broker, "sendDecRef", told.append)
        service.stopService()
        luid = held.luid
        del held
        gc.collect()
        self.assertEqual(told, [luid])
        self.server.flush()
        self.assertIsNotNone(session.ended)

    def test_when_stopped(self):
        service = self.start()
        first, second = service.when_stopped(), service.when_stopped()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        service.stopService()
        self.assertNoResult(second)
        why = self.result(second)
        self.assertIsInstance(why, LoginEnded)
        self.assertIs(why.reason, Reason.LOGGED_OUT)
        self.assertIs(self.successResultOf(service.when_stopped()), why)

    def test_before_the_start(self):
        """There is nothing to stop, and nothing that has stopped."""
        service = self.make()
        self.successResultOf(service.stopService())
        self.assertNoResult(service.when_stopped())
        self.assertEqual(self.observer.events, [])
        service._for_stop.take_first()

    def test_twice(self):
        service = self.start()
        stops = [service.stopService(), service.stopService()]
        stops.append(self.service.stopService())
        stops[0].cancel()
        self.failureResultOf(stops[0], CancelledError)
        for stop in stops[1:]:
            self.result(stop)
        self.successResultOf(service.stopService())
        self.assertEqual(self.observer.events.count(("stopped", Reason.LOGGED_OUT)), 1)

    def test_while_connecting(self):
        endpoint = ManualEndpoint()
        service = self.start(endpoint)
        self.successResultOf(service.stopService())
        self.assertEqual(endpoint.cancelled, 1)
        self.assertEqual(self.observer.take(), [("stopped", Reason.LOGGED_OUT)])

    def test_while_logging_in(self):
        service = self.make()
        service.startService()
        self.server.clock.advance(0)
        (client,) = self.endpoint.clients
        stopped = service.stopService()
        self.assertNoResult(stopped)
        self.result(stopped)
        self.assertTrue(client.broker.disconnected)
        self.assertEqual(self.realm.sessions(), ())

    def test_while_waiting(self):
        self.server.kill()
        service = self.start()
        self.successResultOf(service.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_connection_that_comes_after_the_stop(self):
        """An endpoint may not let itself be cancelled: its connection is closed at once."""
        endpoint = ManualEndpoint()
        service = self.start(endpoint)
        factory, _ = endpoint.attempts[0]
        self.successResultOf(service.stopService())
        client = self.server.accept(factory)
        self.server.flush()
        self.assertTrue(client.broker.disconnected)
        self.assertFalse(client.connected)
        self.assertIsNone(service.perspective)

    def test_server_that_does_not_listen_any_more(self):
        """The connection is aborted after 5 seconds."""
        service = self.start()
        self.endpoint.cut_off()
        stopped = service.stopService()
        self.go(4)
        self.assertNoResult(stopped)
        self.go(1)
        self.successResultOf(stopped)
        self.assertTrue(self.endpoint.clients[0].broker.disconnected)

    def test_what_waits_fails(self):
        """At once, and so does what comes later."""
        service = self.make(ManualEndpoint())
        service.startService()
        waiting, call = service.when_logged_in(), service.call("greet", pbwait=None)
        service.stopService()
        for each in (waiting, call, service.when_logged_in(), service.call("greet")):
            why = self.failureResultOf(each, LoginEnded).value
            self.assertEqual(str(why), "logged out (reason 1)")

    def test_what_waits_fails_before_the_connection_is_closed(self):
        service = self.start()
        self.endpoint.cut_off()
        service.stopService()
        self.failureResultOf(service.call("greet"), LoginEnded)

    def test_start_again(self):
        service = self.start()
        for number in range(1, 4):
            self.result(service.stopService())
            service.startService()
            self.assertEqual(self.result(service.call("greet")), f"<{number}>hello alice")

    def test_start_again_while_stopping(self):
        """It begins when the first connection is closed."""
        service = self.start()
        self.endpoint.cut_off()
        stopped, why = service.stopService(), service.when_stopped()
        service.startService()
        call = service.call("greet")
        self.endpoint.restore()
        self.assertEqual(self.result(call), "<1>hello alice")
        self.successResultOf(stopped)
        self.assertIs(self.successResultOf(why).reason, Reason.LOGGED_OUT)
        self.assertEqual(len(self.endpoint.clients), 2)
        self.assertNoResult(later := service.when_stopped())
        later.cancel()
        self.failureResultOf(later)

    def test_start_and_stop_again_while_stopping(self):
        service = self.start()
        service.stopService()
        service.startService()
        call = service.call("greet")
        self.result(service.stopService())
        self.failureResultOf(call, LoginEnded)
        self.assertEqual(len(self.endpoint.clients), 1)

    def test_start_twice(self):
        service = self.start()
        service.startService()
        self.server.flush()
        self.assertEqual(len(self.endpoint.clients), 1)

    def test_within_another_service(self):
        parent = MultiService()
        self.make().setServiceParent(parent)
        parent.startService()
        self.assertEqual(self.result(self.service.call("greet")), "<1>hello alice")
        self.result(parent.stopService())
        self.assertEqual(self.realm.sessions(), ())

    def test_stopped_by_who_waits_for_the_login(self):
        """The others fail, and the next call as well."""
        service = self.make()
        service.when_logged_in().addCallback(lambda _: service.stopService())
        other = service.when_logged_in()
        service.startService()
        self.server.flush()
        self.failureResultOf(other, LoginEnded)
        self.failureResultOf(service.call("greet"), LoginEnded)

    def test_connection_lost_by_who_waits_for_the_login(self):
        """The others wait on, for the next login."""
        service = self.make()
        service.when_logged_in().addCallback(lambda _: self.endpoint.clients[0].drop())
        other = service.when_logged_in()
        service.startService()
        self.server.flush()
        self.assertNoResult(other)
        self.go(4)
        self.assertIs(self.successResultOf(other), service.perspective)

    def test_connection_lost_by_who_is_told_of_the_end(self):
        service = self.start()
        client = self.endpoint.clients[0]
        self.observer.lost = lambda why: client.drop()  # type: ignore[method-assign]
        self.session.end()
        client.pump()
        self.assertIs(self.successResultOf(service.when_stopped()).reason, Reason.KICKED)

    def test_second_connection_of_an_attempt(self):
        """An endpoint may connect twice: the first connection counts."""
        service = self.start()
        (first,) = self.endpoint.clients
        second = self.server.accept(first.factory)
        self.server.flush()
        self.assertTrue(second.broker.disconnected)
        self.assertFalse(first.broker.disconnected)
        self.assertEqual(self.result(service.call("greet")), "<1>hello alice")


class ArgumentTests(LoginServiceTestCase):
    def refused(self, kind, sentence, *args, **kw):
        kw.setdefault("reactor", Clock())
        why = self.assertRaises(kind, LoginService, *args, **kw)
        self.assertEqual(str(why), sentence)

    def test_endpoint(self):
        said = (
            "endpoint must be an endpoint string such as tcp:example.org:8787, or an endpoint to "
            "connect to, not an object of type builtins.int"
        )
        self.refused(TypeError, said, 8787, ALICE)
        self.refused(TypeError, said, [ManualEndpoint(), 8787], ALICE)
        self.refused(ValueError, "endpoint must be an endpoint or several, not none", [], ALICE)
        self.refused(
            ValueError,
            "endpoint must be an endpoint string such as tcp:example.org:8787, not '8787' "
            "(ValueError: Unknown endpoint type: '8787')",
            *("8787", ALICE),
        )
        self.refused(
            ValueError,
            "endpoint must be an endpoint string such as tcp:example.org:8787, not 'tcp' "
            "(wrong or missing arguments)",
            *("tcp", ALICE),
        )

    def test_credentials(self):
        said = (
            "credentials must be UsernamePassword(name, password), Anonymous(), or a function "
            "that returns either, not an object of type builtins.str"
        )
        self.refused(TypeError, said, ManualEndpoint(), "alice")

    def test_mind(self):
        said = "mind must be a pb.Referenceable or None, not an object of type builtins.object"
        self.refused(TypeError, said, ManualEndpoint(), ALICE, object())

    def test_observer(self):
        said = (
            "observer must have the methods of ILoginObserver, coming_back, logged_in, lost, "
            "resumed, stopped, not be an object of type builtins.object"
        )
        self.refused(TypeError, said, ManualEndpoint(), ALICE, observer=object())

    def test_goodbye(self):
        said = "goodbye must be the name of a method, not None"
        self.refused(TypeError, said, ManualEndpoint(), ALICE, goodbye=None)

    def test_seconds(self):
        for name in ("connect_timeout", "login_timeout", "ping_timeout", "ping_interval"):
            said = f"{name} must be a positive number of seconds or None, not -1"
            self.refused(ValueError, said, ManualEndpoint(), ALICE, **{name: -1})
        for name in ("connect_timeout", "login_timeout", "ping_timeout", "first_delay"):
            self.assertRaises(ValueError, LoginService, ManualEndpoint(), ALICE, **{name: 0})
        said = "max_delay must be at least first_delay"
        self.refused(ValueError, said, ManualEndpoint(), ALICE, first_delay=61)
