"""
The web site: how its connections and their requests are bounded.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import UNIXAddress
from twisted.internet.error import ConnectionAborted
from twisted.internet.ssl import CertificateOptions
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from pbrealm.admin._operations import json_reply
from pbrealm.admin._pace import BURST, MAX_PAUSE
from pbrealm.admin._site import HEADERS, MAX_BODY, MAX_CONNECTIONS, REQUEST_SECONDS
from tests.admin.memory_http import MemoryHTTP
from tests.admin.site_case import BEARER, TOKEN, SiteTestCase
from tests.logs import log_entries


class RequestTests(SiteTestCase):
    def test_answer(self):
        response = self.ask("GET", "/things?n=3")
        self.assertEqual(response.status, 200)
        self.assertEqual(response.json, {"parameters": {"n": 3}, "body": {}})
        self.assertEqual(response.headers["content-type"], "application/json")
        self.assertEqual(self.calls[0].who, "127.0.0.1:4444")

    def test_headers(self):
        """Each response has them, also those to what is no request."""
        raw = self.connect()
        raw.send(b"\0\r\n\r\n")
        large = self.ask("POST", "/names/a/kick", data=b"x" * (MAX_BODY + 1))
        for response in (
            self.ask("GET", "/open"),
            self.ask("GET", "/nothing"),
            self.ask("GET", "/broken", Origin="http://evil.example"),
            self.ask("PUT", "/open"),
            self.ask("OPTIONS", "*"),
            raw.response(),
            large,
        ):
            for name, value in HEADERS:
                self.assertEqual(response.headers[name.decode()], value.decode())
            self.assertNotIn("set-cookie", response.headers)

    def test_problem(self):
        response = self.ask("GET", "/problem")
        self.assertEqual(response.headers["content-type"], "application/problem+json")
        self.assertEqual(
            response.json,
            {"type": "about:blank", "title": "Conflict", "status": 409, "detail": "not now"},
        )

    def test_failure(self):
        """It's logged, and those who ask don't get to know more."""
        response = self.ask("GET", "/broken")
        self.assertEqual((response.status, response.json["status"]), (500, 500))
        self.assertNotIn(b"oops", response.body)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_failures(self):
        """They are logged within a budget."""
        entries = log_entries(self)
        for _ in range(100):
            self.assertEqual(self.ask("GET", "/broken").status, 500)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertLess(len(entries), 70)
        self.assertTrue(all(len(entry) < 300 for entry in entries[1:]))

    def test_head(self):
        response = self.ask("HEAD", "/open")
        self.assertEqual((response.status, response.body), (200, b""))
        self.assertEqual(self.ask("HEAD", "/stream").body, b"")

    def test_unix_socket(self):
        connection = MemoryHTTP(self.site, self.clock, UNIXAddress(None))
        connection.ask("GET", "/open")
        self.assertEqual(self.calls[0].who, "unix socket")

    def test_keep_alive(self):
        """A connection serves one request after the other."""
        connection = self.connect()
        for number in range(3):
            self.assertEqual(connection.ask("GET", f"/things/{number + 1}").status, 200)
            self.clock.advance(REQUEST_SECONDS - 1)
        self.assertFalse(connection.closed)

    def test_client_leaves(self):
        """What was done for it is cancelled."""
        connection = self.connect()
        connection.ask_only("GET", "/slow")
        self.assertEqual(self.cancelled, [])
        connection.lose()
        self.assertEqual(self.cancelled, self.waiting)
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_client_leaves_at_once(self):
        connection = self.connect()
        connection.channel.dataReceived(b"GET /open HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.lose()
        self.clock.advance(0)
        self.assertEqual((self.calls, self.clock.getDelayedCalls()), ([], []))


class SlowTests(SiteTestCase):
    def check_cut(self, data: bytes) -> None:
        """A client that goes on sending, a byte each second, is cut in time."""
        connection = self.connect()
        for second in range(REQUEST_SECONDS):
            self.assertFalse(connection.closed, second)
            connection.channel.dataReceived(data[second : second + 1])
            self.clock.advance(1)
        self.assertTrue(connection.closed)

    def test_slow_line(self):
        self.check_cut(b"GET /open HTTP/1.1")

    def test_slow_headers(self):
        connection = self.connect()
        connection.send(b"GET /open HTTP/1.1\r\n")
        for _ in range(REQUEST_SECONDS):
            connection.send(b"X: y\r\n")
            self.clock.advance(1)
        self.assertTrue(connection.closed)

    def test_slow_body(self):
        connection = self.connect()
        connection.send(b"POST /names/a/kick HTTP/1.1\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(REQUEST_SECONDS):
            connection.send(b" ")
            self.clock.advance(1)
        self.assertTrue(connection.closed)

    def test_silent(self):
        connection = self.connect()
        self.clock.advance(REQUEST_SECONDS)
        self.assertTrue(connection.closed)

    def test_slow_answer(self):
        """It may take the server longer."""
        connection = self.connect()
        connection.ask_only("GET", "/slow")
        self.clock.advance(100)
        self.assertFalse(connection.closed)
        self.waiting[0].callback(json_reply({}))
        connection.turn()
        self.assertEqual(connection.response().status, 200)
        self.clock.advance(REQUEST_SECONDS)
        self.assertTrue(connection.closed)

    def test_response_not_taken(self):
        """A client that doesn't take the end of a stream is cut."""
        connection = self.connect()
        connection.ask_only("GET", "/stream")
        self.clock.advance(100)
        self.assertFalse(connection.closed)
        self.streamed.finish()
        self.assertTrue(connection.closed)
        aborted: list[bool] = []
        connection.transport.abortConnection = lambda: aborted.append(True)  # type: ignore[method-assign]
        self.clock.advance(REQUEST_SECONDS)
        self.assertEqual(aborted, [True])

    def test_many_headers(self):
        connection = self.connect()
        connection.send(b"GET /open HTTP/1.1\r\n" + b"X: y\r\n" * 200)
        self.assertEqual((connection.response().status, connection.closed), (400, True))

    def test_large_headers(self):
        connection = self.connect()
        connection.send(b"GET /open HTTP/1.1\r\n" + (b"X: " + b"y" * 1000 + b"\r\n") * 20)
        self.assertEqual((connection.response().status, connection.closed), (400, True))

    def connect_all(self) -> list[MemoryHTTP]:
        """Take all places, by connections that have shown that they may ask."""
        connections = [self.connect() for _ in range(MAX_CONNECTIONS)]
        for each in connections:
            self.assertEqual(each.ask("GET", "/things").status, 200)
        return connections

    def test_connections(self):
        connections = self.connect_all()
        refused = self.connect()
        self.assertTrue(refused.closed)
        refused.lose()
        connections[0].lose()
        self.assertEqual(self.connect().ask("GET", "/open").status, 200)

    def test_connections_within_tls(self):
        """One too many is cut before its handshake."""
        self.connect_all()
        aborted: list[bool] = []
        transport = StringTransport()
        transport.abortConnection = lambda: aborted.append(True)  # type: ignore[method-assign]
        tls: Any = TLSMemoryBIOFactory(CertificateOptions(), False, self.site)
        protocol = tls.buildProtocol(None)
        protocol.makeConnection(transport)
        self.assertEqual((aborted, transport.value()), ([True], b""))
        protocol.connectionLost(Failure(ConnectionAborted()))

    def test_pipelined(self):
        """Each request of many at once has a turn of the reactor of its own."""
        connection = self.connect()
        connection.channel.dataReceived(b"GET /open HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200)
        self.assertEqual(len(self.calls), 0)
        for turn in range(200):
            due = [each for each in self.clock.calls if each.getTime() <= self.clock.seconds()]
            for each in due:
                self.clock.calls.remove(each)
                each.called = 1
                each.func(*each.args, **each.kw)
            self.assertEqual(len(self.calls), turn + 1)


class PaceTests(SiteTestCase):
    """
    There is a budget for the work of all requests.
    """

    token = TOKEN

    def begin(self, path: str, authorization: str = "") -> MemoryHTTP:
        connection = self.connect()
        self.addCleanup(connection.lose)
        connection.ask_only("GET", path, authorization=authorization)
        return connection

    def test_budget(self):
        """Work waits after much work."""
        self.assertEqual(self.ask("GET", "/work", authorization=BEARER).status, 200)
        second = self.begin("/work", authorization=BEARER)
        self.assertEqual(second.received(), b"")
        self.clock.advance(MAX_PAUSE + 1)
        self.assertEqual(second.response().status, 200)

    def test_strangers(self):
        """Those who may ask and all others don't hold up each other."""
        self.ask("GET", "/work", authorization=BEARER)
        self.assertEqual(self.ask("GET", "/open").status, 200)
        self.clock.advance(MAX_PAUSE + 1)
        self.ask("GET", "/open_work")
        for path in "/open", "/things", "/nothing":
            self.assertEqual(self.begin(path).received(), b"", path)
            self.assertEqual(self.begin(path, authorization="Bearer wrong").received(), b"")
        self.assertEqual(self.ask("GET", "/things", authorization=BEARER).status, 200)
        # A health check may have a token, too.
        self.assertEqual(self.ask("GET", "/open", authorization=BEARER).status, 200)

    def test_parsing(self):
        """What it takes to parse requests counts."""
        connection = self.connect()
        self.addCleanup(connection.lose)
        parse = connection.channel.lineReceived

        def take_long(line: bytes) -> None:
            self.clock.rightNow += BURST
            parse(line)

        connection.channel.lineReceived = take_long
        connection.ask_only("GET", "/open")
        self.assertEqual(connection.received(), b"")
        self.clock.advance(MAX_PAUSE + 1)
        self.assertEqual(connection.response().status, 200)
