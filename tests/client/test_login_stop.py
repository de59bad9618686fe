"""
A service that stops, and starts again.
"""

import gc
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import CancelledError

from pbrealm import (
    LoginEnded,
    Reason,
)
from tests.client.cases import LoginServiceTestCase, ManualEndpoint


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
