"""
A service that logs in to a server in memory.
"""

from __future__ import annotations

from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import UsernamePassword
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import CachingRealm, ILoginObserver, Limits, MindTrackingRealm
from pbrealm.client import LoginService
from pbrealm.testing import MemoryEndpoint, MemoryServer, make_portal
from tests.avatars import Player

ALICE = UsernamePassword(b"alice", b"secret")


@implementer(ILoginObserver)
class Recorder:
    """
    Notes what it is told.

    @ivar events: the name of each call, with the reason or the delay.
    """

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []
        self.delays: list[float] = []

    def logged_in(self, perspective: Any) -> None:
        self.events.append(("logged in",))

    def lost(self, why: Any) -> None:
        self.events.append(("lost", why.reason))

    def resumed(self) -> None:
        self.events.append(("resumed",))

    def coming_back(self, seconds: float, why: Any) -> None:
        self.delays.append(seconds)
        self.events.append(("coming back", why.reason))

    def stopped(self, why: Any) -> None:
        self.events.append(("stopped", why.reason))

    def take(self) -> list[tuple[Any, ...]]:
        events, self.events = self.events, []
        return events


@implementer(IStreamClientEndpoint)
class ManualEndpoint:
    """
    An endpoint whose connections are made, or fail, when a test says so.

    @ivar attempts: the factory of each attempt, and what it waits for.
    """

    def __init__(self) -> None:
        self.attempts: list[tuple[Any, Deferred[Any]]] = []
        self.cancelled = 0

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        connected: Deferred[Any] = Deferred(self._cancel)
        self.attempts.append((protocolFactory, connected))
        return connected

    def _cancel(self, _: object) -> None:
        self.cancelled += 1


class LoginServiceTestCase(SynchronousTestCase):
    """
    @ivar service: the service that was made last; it is stopped when the test is over.
    """

    plain = False
    """Whether the server is one of plain Perspective Broker."""

    def serve(self, realm: Any = None, **limits: Any) -> None:
        self.realm = MindTrackingRealm(CachingRealm(Player) if realm is None else realm)
        factory = None
        if self.plain:
            factory = pb.PBServerFactory(make_portal(self.realm, {"alice": "secret"}))
        self.server = MemoryServer(self.realm, limits=Limits(**limits), factory=factory)
        self.clock = self.server.clock
        self.endpoint = MemoryEndpoint(self.server)

    def make(self, endpoint: Any = None, credentials: Any = ALICE, mind: Any = None, **how: Any):
        self.observer = Recorder()
        how = {"observer": self.observer, "reactor": self.clock, **how}
        self.service = LoginService(endpoint or self.endpoint, credentials, mind, **how)
        self.addCleanup(self.assert_nothing_is_left, self.service)
        return self.service

    def start(self, *args: Any, **how: Any) -> LoginService:
        service = self.make(*args, **how)
        service.startService()
        self.server.flush()
        return service

    def assert_nothing_is_left(self, service: LoginService) -> None:
        """Stop the service, which leaves no connection, no delayed call and nobody who waits."""
        stopped = service.stopService()
        self.go(6)
        self.successResultOf(stopped)
        self.assertEqual((len(service._for_login), len(service._for_stop)), (0, 0))
        self.endpoint.restore()
        for client in self.server.clients:
            client.drop()
        self.server.flush()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def go(self, seconds: float) -> None:
        """Let time pass, a second at a time."""
        for _ in range(int(seconds)):
            self.server.advance(1)

    @property
    def session(self) -> Any:
        """The one session that there is."""
        (session,) = self.realm.sessions()
        return session

    def result(self, awaited: Deferred[Any]) -> Any:
        self.server.flush()
        return self.successResultOf(awaited)


def checker(**passwords):
    made = InMemoryUsernamePasswordDatabaseDontUse()
    for name, password in passwords.items():
        made.addUser(name.encode(), password.encode())
    return made
