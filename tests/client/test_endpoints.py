"""
Which of several endpoints a service tries, and when.
"""

from typing import Any

from twisted.internet.task import Clock

from pbrealm import CachingRealm, MindTrackingRealm, Reason
from pbrealm.client import LoginService
from pbrealm.testing import MemoryEndpoint, MemoryServer
from tests.avatars import Player
from tests.client.cases import ALICE, LoginServiceTestCase, ManualEndpoint


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

    def test_one_after_the_other_until_each_was_tried(self):
        """Only then there is a delay that grows."""
        endpoints = [ManualEndpoint() for _ in range(3)]
        self.start(endpoints)
        for index in range(6):
            endpoints[index % 3].attempts[-1][1].errback(OSError("no route"))
            self.go(8)
        self.assertEqual([len(each.attempts) for each in endpoints], [3, 2, 2])
        first, second, third, *more = self.observer.delays
        self.assertTrue(max(first, second, *more[:2]) <= 1 <= third <= 4, self.observer.delays)
        self.assertTrue(2 <= more[2] <= 8, self.observer.delays)

    def test_sent_elsewhere(self):
        """A client that is told that its server shuts down, or to reconnect, tries the next."""
        for reason in (Reason.SHUTTING_DOWN, Reason.RECONNECT):
            endpoints = [MemoryEndpoint(self.server) for _ in range(2)]
            service = self.start(endpoints)
            self.session.end(reason)
            self.server.flush()
            self.go(1)
            self.assertEqual([len(each.clients) for each in endpoints], [1, 1])
            self.assertIsNotNone(service.perspective)
            self.result(service.stopService())

    def test_server_that_is_being_drained(self):
        """It lets nobody in, so a client that comes to it goes on to the next one."""
        for when in ("before", "at the login"):
            self.serve()
            other = MemoryServer(MindTrackingRealm(CachingRealm(Player)), clock=self.clock)
            factory: Any = self.server.factory
            # Somebody is in, and the drain waits for him.
            self.held = self.server.connect().login("alice", "secret")
            service = self.make([self.endpoint, MemoryEndpoint(other)])
            if when == "at the login":
                service.startService()
                self.clock.advance(0)
                self.endpoint.clients[0].pump()
            factory.drain(100)
            service.startService()
            for _ in range(11):
                self.server.advance(0.1)
                other.flush()
            self.assertIsNotNone(service.perspective)
            self.assertEqual(
                self.observer.take(), [("coming back", Reason.DISCONNECTED), ("logged in",)]
            )
            stopped = service.stopService()
            other.flush()
            self.successResultOf(stopped)
            self.result(factory.close())

    def test_no_other_is_left(self):
        """
        A client that is sent elsewhere again, before it has stayed anywhere for a minute, waits as
        after other failures; and so does one that has nowhere else to go.
        """
        for others in (1, 0):
            endpoints = [MemoryEndpoint(self.server) for _ in range(1 + others)]
            service = self.start(endpoints)
            for _ in range(others + 1):
                self.session.end(Reason.RECONNECT)
                self.server.flush()
                self.go(4)
            self.assertTrue(all(1 <= each <= 4 for each in self.observer.delays[others:]))
            self.go(60)
            self.session.end(Reason.RECONNECT)
            self.server.flush()
            self.assertEqual(self.observer.delays[-1] <= 1, bool(others))
            self.go(4)
            self.result(service.stopService())

    def test_server_that_is_lost(self):
        """It is tried again first, since only the connection may be lost; then the others."""
        endpoints = [MemoryEndpoint(self.server), MemoryEndpoint(self.server)]
        self.start(endpoints)
        endpoints[0].clients[0].drop()
        self.server.flush()
        self.server.kill()
        while len(self.observer.delays) < 2:
            self.server.advance(0.1)
        self.server.restart()
        self.go(1)
        self.assertEqual([len(each.clients) for each in endpoints], [1, 1])
        self.assertTrue(self.observer.delays[0] >= 1 >= self.observer.delays[1])

    def test_credentials_that_fail(self):
        """That says nothing of an endpoint, so all wait, and the same one is tried."""
        endpoints = [MemoryEndpoint(self.server) for _ in range(2)]
        failing = [ZeroDivisionError(), ZeroDivisionError()]

        def credentials():
            if failing:
                raise failing.pop()
            return ALICE

        self.start(endpoints, credentials)
        self.go(16)
        self.assertEqual([len(each.clients) for each in endpoints], [1, 0])
        self.assertTrue(all(each >= 1 for each in self.observer.delays))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    def test_connect_raises(self):
        class Raising(ManualEndpoint):
            def connect(self, factory):
                raise ZeroDivisionError

        self.start(Raising())
        self.assertEqual(self.observer.take(), [("coming back", Reason.DISCONNECTED)])

    def test_string(self):
        service = LoginService("tcp:127.0.0.1:8787", ALICE, reactor=Clock())
        self.assertIsNone(service.perspective)
