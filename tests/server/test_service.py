"""
The service, without a reactor that runs.
"""

from typing import Any

from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogLevel
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from pbrealm import DisposableRealm, IClientAware, ServerFactory, ServerService
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


class RunningReactor(MemoryReactorClock):
    stopped = False

    def stop(self):
        self.stopped = True

    def callWhenRunning(self, callable, *args, **kw):
        callable(*args, **kw)


IN_USE = CannotListenError("", 8787, OSError(98, "Address already in use"))


class ServerServiceTestCase(SynchronousTestCase):
    def setUp(self):
        self.reactor: Any = RunningReactor()

    def make(self, endpoint, **options):
        portal = make_portal(DisposableRealm(NeverDone), {"alice": "secret"})
        factory = ServerFactory(portal, UNHURRIED, clock=self.reactor)
        return ServerService(endpoint, factory, reactor=self.reactor, **options)


class ListeningTests(ServerServiceTestCase):
    def test_interface(self):
        self.assertTrue(verifyObject(IService, self.make("tcp:8787")))

    def test_listens_once(self):
        """Whether or not it was started with privileges first."""
        service = self.make(TCP4ServerEndpoint(self.reactor, 8787))
        service.privilegedStartService()
        service.startService()
        self.assertEqual(len(self.reactor.tcpServers), 1)
        self.assertIs(self.reactor.tcpServers[0][1], service.factory)
        self.assertTrue(service.running)

    def test_strings(self):
        """Each has a queue that a crowd doesn't overflow."""
        self.make("tcp:8787:interface=127.0.0.1").startService()
        self.make(["tcp:1:backlog=7", TCP4ServerEndpoint(self.reactor, 2)]).startService()
        self.assertEqual(
            [(port, backlog) for port, _, backlog, _ in self.reactor.tcpServers],
            [(8787, 4096), (1, 7), (2, 50)],
        )

    def test_cannot_listen(self):
        """What the endpoint says is raised, so nothing starts that can't serve."""
        slow, pending = SlowEndpoint(), SlowEndpoint()
        slow.listening.errback(IN_USE)
        service = self.make([slow, pending])
        self.assertIs(self.assertRaises(CannotListenError, service.startService), IN_USE)
        self.assertFalse(service.running)
        self.assertTrue(pending.listening.called)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_cannot_listen_for_now(self):
        """It can be started when the port is free."""
        slow = SlowEndpoint()
        slow.listening.errback(IN_USE)
        service = self.make(slow)
        self.assertRaises(CannotListenError, service.startService)
        slow.listening = Deferred()
        service.startService()
        self.assertTrue(service.running)
        self.assertFalse(slow.listening.called)

    def test_cannot_listen_in_the_end(self):
        """Nobody is left to raise it to, so it's logged, and the program stops."""
        events: list[Any] = []
        observe_log(self, events.append)
        slow = SlowEndpoint()
        service = self.make(slow)
        service.startService()
        self.assertFalse(self.reactor.stopped)
        slow.listening.errback(Failure(ValueError("no such relay")))
        self.assertTrue(self.reactor.stopped)
        said = [event["problem"] for event in events if event["log_level"] == LogLevel.critical]
        self.assertEqual(said, ["ValueError: no such relay"])
        self.successResultOf(service.stopService())

    def test_arguments(self):
        factory = self.make("tcp:8787").factory
        for error, sentence, arguments, options in (
            (
                TypeError,
                "factory must be a ServerFactory, such as ServerFactory(portal), "
                "not an object of type twisted.spread.pb.PBServerFactory",
                ("tcp:8787", pb.PBServerFactory(pb.Root())),
                {},
            ),
            (
                TypeError,
                "factory must be a ServerFactory, such as ServerFactory(portal), "
                "not an object of type builtins.str",
                (factory, "tcp:8787"),
                {},
            ),
            (
                TypeError,
                "endpoint must be an endpoint string such as tcp:8787, or an endpoint to listen "
                "at, not an object of type builtins.int",
                (8787, factory),
                {},
            ),
            (
                ValueError,
                "endpoint must be an endpoint string such as tcp:8787, not '8787' "
                "(ValueError: Unknown endpoint type: '8787')",
                ("8787", factory),
                {},
            ),
            (ValueError, "endpoint must be an endpoint or several, not none", ([], factory), {}),
            (
                ValueError,
                "patience must be a number of seconds, 0 or more, not -1",
                ("tcp:8787", factory),
                {"patience": -1},
            ),
        ):
            why = self.assertRaises(
                error, ServerService, *arguments, reactor=self.reactor, **options
            )
            self.assertEqual(str(why), sentence)


class StoppingTests(ServerServiceTestCase):
    def stop(self, service):
        """Stop it while alice is logged in."""
        server = MemoryServer(
            DisposableRealm(NeverDone), clock=self.reactor, factory=service.factory
        )
        self.client, self.mind = server.connect(), RecordingMind()
        self.held = self.client.login("alice", "secret", self.mind)
        return server, service.stopService()

    def test_stopped_before_it_listens(self):
        """The attempt is given up, which is no failure."""
        service = self.make(SlowEndpoint())
        service.startService()
        self.successResultOf(service.stopService())
        self.assertFalse(self.reactor.stopped)

    def test_never_started(self):
        self.successResultOf(self.make("tcp:8787").stopService())

    def test_stop_is_bounded(self):
        """An avatar that never detaches doesn't keep the server from stopping."""
        service = self.make("tcp:8787")
        service.startService()
        server, stopped = self.stop(service)
        server.advance(9.9)
        self.assertEqual(self.mind.goodbyes(), [(8, "shutting down", True)])
        self.assertNoResult(stopped)
        server.advance(0.2)
        self.successResultOf(stopped)
        self.assertFalse(self.client.connected)
        self.assertEqual(self.held.broker.disconnected, 1)

    def test_patience(self):
        service = self.make("tcp:8787", patience=60)
        service.startService()
        server, stopped = self.stop(service)
        server.advance(59)
        self.assertNoResult(stopped)
        server.advance(1)
        self.successResultOf(stopped)

    def test_started_again(self):
        """Its factory accepts no more clients, so it would listen in vain."""
        service = self.make("tcp:8787")
        service.startService()
        self.successResultOf(service.stopService())
        why = self.assertRaises(RuntimeError, service.startService)
        self.assertEqual(
            str(why),
            "a ServerService can't be started again: make another, with a ServerFactory and "
            "realms of its own",
        )
