"""
A service that logs in, and stays logged in.
"""

import gc
from typing import Any

from twisted.application.service import IService
from twisted.internet.defer import CancelledError
from twisted.spread import pb
from zope.interface.verify import verifyObject

from pbrealm import (
    NotLoggedIn,
)
from tests.avatars import Player
from tests.client.cases import LoginServiceTestCase


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
