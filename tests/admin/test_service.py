"""
The service: where it may listen, and its life.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.application.service import MultiService
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import CannotListenError
from twisted.internet.ssl import CertificateOptions
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer

import pbrealm
from pbrealm import (
    AnonymousRealm,
    CachingRealm,
    ConnectionLimitedRealm,
    JournalRealm,
    MindTrackingRealm,
    RoutingRealm,
    ServerFactory,
)
from pbrealm.admin import AdminService
from pbrealm.admin._service import _protected
from tests.admin.admin_case import AdminTestCase, MemoryEndpoint, Player
from tests.documents import run_block
from tests.logs import log_entries

TOKEN = "0123456789abcdef"
REMOTE = IPv4Address("TCP", "192.0.2.1", 8788)


def with_tls(factory: Any) -> Any:
    return TLSMemoryBIOFactory(CertificateOptions(), False, factory)


class FailingEndpoint(MemoryEndpoint):
    """
    Can't listen, at once or later.
    """

    def __init__(self, late: bool) -> None:
        super().__init__()
        self.result: Deferred[Any] = Deferred() if late else fail(self.error())

    def error(self) -> Exception:
        return CannotListenError("127.0.0.1", 1, OSError("in use"))

    def listen(self, factory: Any) -> Any:
        return self.result


class ServiceTests(AdminTestCase):
    def make(self, endpoint: Any, **kw: Any) -> AdminService:
        factory: Any = self.server.factory
        return AdminService(self.realm, factory, endpoint, reactor=self.clock, **kw)

    def test_arguments(self):
        factory: Any = self.server.factory
        for wrong, arguments in (
            ("realm must be a MindTrackingRealm", (CachingRealm(Player), factory, "tcp:1")),
            ("factory must be a ServerFactory", (self.realm, object(), "tcp:1")),
            ("endpoint must be an endpoint", (self.realm, factory, 8788)),
        ):
            why = self.assertRaises(TypeError, AdminService, *arguments, reactor=Clock())
            self.assertIn(wrong, str(why))
        keywords: Any
        for keywords in ({"token": 1}, {"hosts": "localhost"}, {"hosts": [1]}):
            self.assertRaises(TypeError, self.make, MemoryEndpoint(), **keywords)
        for keywords, sentence in (
            ({"on_drained": 5}, "on_drained must be a function or None, not an object of type"),
            ({"hosts": ["http://a.example"]}, "hosts must be names without a scheme or a port"),
            ({"hosts": ["a.example:80"]}, "hosts must be names without a scheme or a port"),
        ):
            why = self.assertRaises(
                (TypeError, ValueError), self.make, MemoryEndpoint(), **keywords
            )
            self.assertIn(sentence, str(why))
        self.make(MemoryEndpoint(), hosts=["A.example", "[2001:DB8::1]"])
        self.assertRaises(ValueError, self.make, MemoryEndpoint(), token="short")
        self.assertRaises(ValueError, self.make, "nonsense")
        self.assertRaises(ValueError, self.make, "unix")

    def test_realm_that_is_not_served(self):
        """Nothing would ever be seen of it."""
        factory: Any = self.server.factory
        other = MindTrackingRealm(CachingRealm(Player))
        why = self.assertRaises(
            ValueError, AdminService, other, factory, MemoryEndpoint(), reactor=self.clock
        )
        self.assertEqual(
            str(why), "realm must be the one that factory serves, or within it, and isn't"
        )

    def test_realms_around(self):
        """The realm may be within others, also where these don't know it before a login."""
        realm = MindTrackingRealm(CachingRealm(Player))

        @implementer(IRealm)
        class HandWritten:
            def requestAvatar(self, avatar_id, mind, *interfaces):
                return realm.requestAvatar(avatar_id, mind, *interfaces)

        outer: Any
        for outer in (
            realm,
            JournalRealm(ConnectionLimitedRealm(realm)),
            AnonymousRealm(CachingRealm(Player), guests=realm),
            RoutingRealm(lambda session, interfaces: realm),
            HandWritten(),
            JournalRealm(HandWritten()),
        ):
            factory = ServerFactory(Portal(outer), clock=self.clock)
            AdminService(realm, factory, MemoryEndpoint(), reactor=self.clock)

    def test_where(self):
        """To a network only with a token, and with TLS unless that isn't wanted."""
        for address, wrap, keywords, problem in (
            (REMOTE, None, {}, "needs a token"),
            (REMOTE, with_tls, {}, "needs a token"),
            (REMOTE, None, {"insecure": True}, "needs a token"),
            (REMOTE, None, {"token": TOKEN}, "needs TLS"),
            (REMOTE, with_tls, {"token": TOKEN}, None),
            (REMOTE, None, {"token": TOKEN, "insecure": True}, None),
            (UNIXAddress(b"\0x"), None, {}, None),
        ):
            endpoint = MemoryEndpoint(address, wrap or (lambda factory: factory))
            service = self.make(endpoint, **keywords)
            if problem is None:
                service.startService()
                assert endpoint.port is not None
                self.assertTrue(endpoint.port.listening)
                service.stopService()
            else:
                why = self.assertRaises(ValueError, service.startService)
                self.assertIn(problem, str(why))
            assert endpoint.port is not None
            self.assertFalse(endpoint.port.listening)

    def test_several_endpoints(self):
        """Each asks for a token or not by itself, and events of one are told at the other."""
        local, remote = MemoryEndpoint(UNIXAddress(b"\0x")), MemoryEndpoint(REMOTE, with_tls)
        service = self.make([local, remote], token=TOKEN)
        service.startService()
        for endpoint in (local, remote):
            assert endpoint.port is not None
            self.assertTrue(endpoint.port.listening)
        self.successResultOf(service.stopService())
        for endpoint in (local, remote):
            assert endpoint.port is not None
            self.assertFalse(endpoint.port.listening)

    def test_events_of_other_endpoints(self):
        """What is done at one endpoint is an event at the other."""
        first, second = MemoryEndpoint(), MemoryEndpoint()
        service = self.make([first, second])
        service.startService()
        self.addCleanup(service.stopService)
        self.endpoint = first
        events = self.connect()
        events.ask_only("GET", "/api/events")
        self.endpoint = second
        self.ask("POST", "/api/drain", {"seconds": 0})
        self.assertIn(b"event: drain", events.received())

    def test_one_of_several_fails(self):
        """None of the others goes on listening."""
        first, last = MemoryEndpoint(), MemoryEndpoint(REMOTE)
        service = self.make([first, last])
        self.assertRaises(ValueError, service.startService)
        for endpoint in (first, last):
            assert endpoint.port is not None
            self.assertFalse(endpoint.port.listening)

    def test_no_endpoint(self):
        why = self.assertRaises(ValueError, self.make, [])
        self.assertEqual(str(why), "endpoint must be an endpoint or several, not none")

    def test_cannot_listen(self):
        service = self.make(FailingEndpoint(late=False))
        self.assertRaises(CannotListenError, service.startService)

    def test_cannot_listen_later(self):
        entries = log_entries(self)
        endpoint = FailingEndpoint(late=True)
        service = self.make(endpoint)
        service.startService()
        endpoint.result.errback(endpoint.error())
        self.assertIn("can't listen", entries[-1])
        self.successResultOf(service.stopService())

    def test_stops_while_it_starts(self):
        service = self.make(FailingEndpoint(late=True))
        service.startService()
        self.successResultOf(service.stopService())
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_stop(self):
        """It closes all connections, at the latest after some seconds."""
        connection = self.connect()
        stopped = self.service.stopService()
        self.assertTrue(connection.closed)
        self.assertNoResult(stopped)
        connection.lose()
        self.successResultOf(stopped)
        self.log_in()

    def test_starts_again(self):
        self.service.stopService()
        self.service.startService()
        self.log_in()
        self.assertEqual(len(self.get("/api/sessions")["sessions"]), 1)

    def test_socket_of_its_owner(self):
        self.assertEqual(_protected("unix:/a"), "unix:/a:mode=600")
        self.assertEqual(_protected("unix:/a:mode=660"), "unix:/a:mode=660")
        self.assertEqual(_protected("haproxy:unix:/a"), "haproxy:unix:/a:mode=600")
        self.assertEqual(_protected("haproxy:unix:/a:mode=660"), "haproxy:unix:/a:mode=660")
        self.assertEqual(_protected("haproxy:tcp:0"), "haproxy:tcp:0")
        self.assertEqual(_protected("tcp:1"), "tcp:1")

    def test_unknown_host(self):
        response = self.ask("GET", "/api/sessions", Host="evil.example")
        self.assertEqual(response.status, 403)


class DocumentTests(AdminTestCase):
    def test_program(self):
        """The program of the document is as it should be."""
        application = MultiService()
        names = {
            **vars(pbrealm),
            "AdminService": AdminService,
            "Path": lambda path: SimpleNamespace(read_text=lambda: f"{TOKEN}\n"),
            "Player": Player,
            "Portal": Portal,
            "application": application,
            "reactor": SimpleNamespace(stop=lambda: None),
            "checker": InMemoryUsernamePasswordDatabaseDontUse(),
        }
        run_block("docs/operation.md", "on_drained=reactor.stop", names)
        self.assertEqual(len(list(application)), 2)


class TokenTests(AdminTestCase):
    def test_every_operation(self):
        """Without the token, nothing can be seen or done but what is for everybody."""
        endpoint = MemoryEndpoint()
        factory: Any = self.server.factory
        assert isinstance(factory, ServerFactory)
        service = AdminService(self.realm, factory, endpoint, token=TOKEN, reactor=self.clock)
        service.startService()
        self.addCleanup(service.stopService)
        self.endpoint = endpoint
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        connection = self.connect()
        description = connection.ask("GET", "/api/openapi.json", **bearer).json
        connection.lose()
        public = []
        for path, operations in description["paths"].items():
            for method in operations:
                filled = path.replace("{id}", "1").replace("{avatar_id}", "alice")
                connection = self.connect()
                response = connection.ask(method.upper(), filled, {})
                connection.lose()
                if response.status != 401:
                    public.append(path)
        self.assertEqual(public, ["/healthz", "/readyz"])
        self.assertIsNone(factory.draining)
