"""
What the observer of a service is told.
"""

from typing import Any

from twisted.python.failure import Failure

from pbrealm import (
    Reason,
)
from tests.client.cases import LoginServiceTestCase


class ObserverTests(LoginServiceTestCase):
    def setUp(self):
        self.serve()

    def test_exceptions(self):
        """They are logged, and change nothing."""

        class Raising:
            def logged_in(self, perspective):
                raise ZeroDivisionError

            def lost(self, why):
                raise ZeroDivisionError

            def resumed(self):
                raise ZeroDivisionError

            def coming_back(self, seconds, why):
                raise KeyboardInterrupt

            def stopped(self, why):
                raise SystemExit

        service = self.start(observer=Raising())
        self.assertEqual(self.result(service.call("greet")), "<1>hello alice")
        self.endpoint.clients[0].drop()
        self.go(4)
        self.assertEqual(self.result(service.call("greet")), "<2>hello alice")
        self.result(service.stopService())
        logged = [failure.type for failure in self.flushLoggedErrors()]
        self.assertEqual(
            logged,
            [
                *(ZeroDivisionError, ZeroDivisionError, KeyboardInterrupt),
                *(ZeroDivisionError, ZeroDivisionError, SystemExit),
            ],
        )

    def test_asynchronous(self):
        """Nobody waits for it, and what it fails with is logged."""
        greetings = []

        async def logged_in(perspective):
            greetings.append(await perspective.callRemote("greet"))
            raise ZeroDivisionError

        service = self.make()
        self.observer.logged_in = logged_in  # type: ignore[assignment]
        service.startService()
        self.server.flush()
        self.assertEqual(greetings, ["<1>hello alice"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_stops_the_service(self):
        """From each of its methods, and the service can be started again."""
        for when in ("logged_in", "lost", "coming_back", "stopped"):
            self.serve()
            service = self.make()
            stops: list[Any] = []

            def stop(*_: Any, service: Any = service, stops: Any = stops) -> None:
                stops.append(service.stopService())

            setattr(self.observer, when, stop)
            service.startService()
            self.server.flush()
            if self.endpoint.clients:
                self.endpoint.clients[0].drop()
            if when == "stopped":
                service.stopService()
            self.go(6)
            self.successResultOf(stops[0])
            self.successResultOf(service.when_stopped())
            self.assertEqual(self.realm.sessions(), ())
            delattr(self.observer, when)
            service.startService()
            self.assertEqual(self.result(service.call("greet"))[3:], "hello alice")
            self.result(service.stopService())

    def test_starts_the_service_when_it_has_stopped(self):
        """An observer may have a policy of its own."""
        service = self.make()
        again: list[Any] = []
        waits: list[Any] = []

        def stopped(why):
            again.append(why.reason)
            service.startService()
            # For the next time.
            waits.append(service.when_stopped())

        self.observer.stopped = stopped  # type: ignore[method-assign]
        service.startService()
        self.server.flush()
        self.session.end()
        self.server.flush()
        self.assertEqual(again, [Reason.KICKED])
        self.assertNoResult(waits[0])
        self.assertEqual(self.result(service.call("greet")), "<1>hello alice")
        del self.observer.stopped

    def test_perspective_is_there_when_it_is_told(self):
        service = self.make()
        greetings: list[Any] = []
        self.observer.logged_in = (  # type: ignore[method-assign]
            lambda perspective: greetings.append(service.call("greet"))
        )
        service.startService()
        self.assertEqual(self.result(service.when_logged_in()), service.perspective)
        self.assertEqual(self.result(greetings[0]), "<1>hello alice")

    def test_failure_of_the_connection_is_said(self):
        whys: list[Any] = []
        service = self.make()
        self.observer.coming_back = (  # type: ignore[method-assign]
            lambda seconds, why: whys.append(why)
        )
        self.server.kill()
        service.startService()
        self.server.flush()
        self.assertRegex(str(whys[0]), r"^no connection: ConnectionRefusedError: .*reason 2\)$")
        self.assertNotIsInstance(whys[0], Failure)
