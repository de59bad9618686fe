"""
The service, without a reactor.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogLevel
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import DisposableRealm, IClientAware, ServerFactory
from pbrealm._command.demo import DemoAvatar
from pbrealm._command.realm import make_realm
from pbrealm._command.realm_options import RealmOptions
from pbrealm._command.service import CannotListen, PBService
from pbrealm.testing import UNHURRIED, MemoryServer, RecordingMind, make_portal
from tests.logs import observe_log


@implementer(IStreamServerEndpoint)
class SlowEndpoint:
    """One that only says later what comes of listening at it."""

    def __init__(self):
        self.listening: Deferred[Any] = Deferred()

    def listen(self, factory):
        return self.listening


@implementer(IClientAware)
class NeverDone(pb.Avatar):
    """An avatar that detaches forever."""

    def __init__(self, avatar_id):
        pass

    def attached(self, session):
        pass

    def detached(self, session, reason):
        return Deferred()


class StoppableClock(Clock):
    stopped = False

    def stop(self):
        self.stopped = True


def make_service(*endpoints, avatar=DemoAvatar, reactor=None):
    reactor = reactor or StoppableClock()
    portal = make_portal(make_realm(RealmOptions(avatar=avatar), reactor), {"alice": "secret"})
    factory = ServerFactory(portal, UNHURRIED, clock=reactor)
    named = [(f"endpoint{number}", endpoint) for number, endpoint in enumerate(endpoints)]
    return PBService(named, factory, reactor), reactor


class ServiceTests(SynchronousTestCase):
    def test_listens_once(self):
        """Whether or not it was started with privileges first."""
        reactor = MemoryReactorClock()
        service, _ = make_service(TCP4ServerEndpoint(reactor, 8787), reactor=reactor)
        service.privilegedStartService()
        service.startService()
        self.assertEqual(len(reactor.tcpServers), 1)
        self.assertTrue(service.running)

    def test_cannot_listen(self):
        slow = SlowEndpoint()
        slow.listening.errback(CannotListenError("", 1, OSError(98, "Address already in use")))
        service, _ = make_service(slow)
        why = self.assertRaises(CannotListen, service.startService)
        sentence = "pbrealm: Address already in use: cannot listen on endpoint0"
        self.assertEqual((why.code, str(why)), (sentence, sentence))

    def test_cannot_listen_in_the_end(self):
        """Nobody is left to raise it to, so it's logged, and the server stops."""
        events: list[Any] = []
        observe_log(self, events.append)
        slow = SlowEndpoint()
        service, reactor = make_service(slow)
        service.startService()
        self.assertFalse(reactor.stopped)
        slow.listening.errback(Failure(ValueError("no such relay")))
        self.assertTrue(reactor.stopped)
        said = [event["problem"] for event in events if event["log_level"] == LogLevel.critical]
        self.assertEqual(said, ["pbrealm: ValueError: no such relay: cannot listen on endpoint0"])
        self.successResultOf(service.stopService())

    def test_stopped_before_it_listens(self):
        """The attempt is given up, which is no failure."""
        service, reactor = make_service(SlowEndpoint())
        service.startService()
        self.successResultOf(service.stopService())
        self.assertFalse(reactor.stopped)

    def test_stop_is_bounded(self):
        """An avatar that never detaches doesn't keep the server from stopping."""
        service, clock = make_service(avatar=NeverDone)
        service.startService()
        server = MemoryServer(DisposableRealm(NeverDone), clock=clock, factory=service.factory)
        client = server.connect()
        mind = RecordingMind()
        held = client.login("alice", "secret", mind)
        stopped = service.stopService()
        server.advance(9.9)
        self.assertEqual(mind.goodbyes(), [(8, "shutting down", True)])
        self.assertNoResult(stopped)
        server.advance(0.2)
        self.successResultOf(stopped)
        self.assertFalse(client.connected)
        self.assertEqual(held.broker.disconnected, 1)

    def test_compose(self):
        """What can't be composed is said, though the options let nothing of it through."""
        self.assertRaises(ValueError, make_realm, RealmOptions())
        self.assertRaises(ValueError, make_realm, RealmOptions(avatar=DemoAvatar, kind="shared"))
