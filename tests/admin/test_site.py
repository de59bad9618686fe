"""
The site, with hostile clients.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted
from twisted.internet.ssl import CertificateOptions
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from pbrealm.admin._access import Access, Exposure
from pbrealm.admin._operations import Call, Operation, Parameter, Reply, Stream, json_reply
from pbrealm.admin._pace import BURST, MAX_PAUSE
from pbrealm.admin._problems import Problem
from pbrealm.admin._resource import ApiResource
from pbrealm.admin._site import HEADERS, MAX_BODY, MAX_CONNECTIONS, REQUEST_SECONDS, AdminSite
from tests.admin.memory_http import HOST, MemoryHTTP
from tests.logs import log_entries

TOKEN = b"0123456789abcdef"
BEARER = f"Bearer {TOKEN.decode()}"


class SiteTestCase(SynchronousTestCase):
    """
    A site with a few operations.
    """

    token: bytes | None = None

    def setUp(self) -> None:
        self.clock = Clock()
        self.calls: list[Call] = []
        self.waiting: list[Deferred[Any]] = []
        self.cancelled: list[Deferred[Any]] = []
        number = {"type": "integer", "minimum": 1}
        text = {"type": "object", "properties": {"text": {"type": "string"}}}
        operations = [
            Operation("GET", "/open", "", self.show, public=True),
            Operation("GET", "/things", "", self.show, query=[Parameter("n", number, "")]),
            Operation("GET", "/things/{id}", "", self.show, {"id": number}),
            Operation(
                "DELETE",
                "/things/{id}",
                "",
                self.show,
                {"id": number},
                body=text,
                body_required=False,
            ),
            Operation(
                "POST",
                "/names/{name}/kick",
                "",
                self.show,
                {"name": {"type": "string"}},
                body=text,
            ),
            Operation("GET", "/slow", "", self.wait),
            Operation("GET", "/work", "", self.work),
            Operation("GET", "/broken", "", self.fail_to),
            Operation(
                "GET", "/stream", "", lambda call: Stream("text/plain", self.stream), paced=False
            ),
            Operation("GET", "/problem", "", self.refuse),
        ]
        access = Access(HOST, Exposure.MACHINE, self.token)
        resource = ApiResource(operations, self.clock)
        resource.access = access
        self.site = AdminSite(resource, self.clock)

    def show(self, call: Call) -> Reply:
        self.calls.append(call)
        return json_reply({"parameters": call.parameters, "body": call.body})

    async def wait(self, call: Call) -> Reply:
        awaited: Deferred[Reply] = Deferred(self.cancelled.append)
        self.waiting.append(awaited)
        return await awaited

    def work(self, call: Call) -> Reply:
        # This takes long.
        self.clock.rightNow += 2 * BURST
        return self.show(call)

    def fail_to(self, call: Call) -> Reply:
        raise ZeroDivisionError("oops")

    def refuse(self, call: Call) -> Reply:
        raise Problem(409, "not now")

    def stream(self, request: Any) -> None:
        self.streamed = request
        request.write(b"begun")

    def connect(self) -> MemoryHTTP:
        return MemoryHTTP(self.site, self.clock)

    def ask(self, method: str, path: str, body: object = None, **kw: Any) -> Any:
        connection = self.connect()
        response = connection.ask(method, path, body, **kw)
        connection.lose()
        return response


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


class ParameterTests(SiteTestCase):
    def test_query(self):
        for query, status in (
            ("", 200),
            ("?", 200),
            ("?n=1", 200),
            ("?n=0", 400),
            ("?n=", 400),
            ("?n=x", 400),
            ("?n=1&n=1", 400),
            ("?m=1", 400),
            ("?%zz", 400),
            ("?n=%ff", 400),
            ("?=", 400),
            ("?" + "&".join(["n=1"] * 1000), 400),
            ("?n=" + "1" * 10000, 400),
        ):
            self.assertEqual(self.ask("GET", "/things" + query).status, status, query[:30])

    def test_path(self):
        """What is in a segment stays in it."""
        for name, decoded in (
            ("alice", "alice"),
            ("a%2Fb", "a/b"),
            ("%2e%2e", ".."),
            ("..", ".."),
            ("%00", "\0"),
            ("%3Cscript%3E", "<script>"),
            ("%C3%A4", "ä"),
            ("%ff", "\ufffd"),
            ("%252e", "%2e"),
            ("x" * 10000, "x" * 10000),
        ):
            response = self.ask("POST", f"/names/{name}/kick", {})
            self.assertEqual(response.json["parameters"], {"name": decoded})

    def test_no_path(self):
        for path in (
            "/",
            "//",
            "//open",
            "/open/",
            "/open//",
            "/./open",
            "/things/../open",
            "/things/%2e%2e/open",
            "/..",
            "/%2e%2e/%2e%2e/etc/passwd",
            "/open%00",
            "/open%2f",
            "/\\open",
            "/OPEN",
            "/things/x",
            "/things/0",
            "/things/1.0",
            "/things/-1",
            "/things/" + "9" * 5000,
            "http://localhost/open",
            "open",
            "/open#",
            "/open;a=b",
        ):
            response = self.ask("GET", path)
            self.assertEqual((response.status, self.calls), (404, []), path[:30])

    def test_too_long(self):
        connection = self.connect()
        connection.send(b"GET /" + b"x" * 20000)
        self.assertEqual((connection.response().status, connection.closed), (400, True))

    def test_methods(self):
        response = self.ask("PUT", "/things/1", {})
        self.assertEqual((response.status, response.headers["allow"]), (405, "DELETE, GET, HEAD"))
        for method in ("OPTIONS", "TRACE", "CONNECT", "X" * 1000, "get"):
            self.assertEqual(self.ask(method, "/open").status, 405)


class BodyTests(SiteTestCase):
    def test_body(self):
        response = self.ask("POST", "/names/a/kick", {"text": "ä"})
        self.assertEqual(response.json["body"], {"text": "ä"})
        self.assertEqual(self.ask("DELETE", "/things/1").status, 200)
        self.assertEqual(self.ask("DELETE", "/things/1", {"text": "a"}).status, 200)

    def test_wrong(self):
        for data, kind, status in (
            (b"{}", "application/json; charset=utf-8", 200),
            (b"{}", "text/plain", 415),
            (b"{}", "application/x-www-form-urlencoded", 415),
            (b"{}", "", 415),
            (b"", "application/json", 400),
            (b"{", "application/json", 400),
            (b"[]", "application/json", 422),
            (b'{"text": 1}', "application/json", 422),
        ):
            response = self.ask("POST", "/names/a/kick", data=data, Content_Type=kind)
            self.assertEqual(response.status, status, (data, kind))

    def test_form(self):
        """Older versions of Twisted refuse what they can't parse as a form by themselves."""
        kind = "multipart/form-data; boundary=x"
        response = self.ask("POST", "/names/a/kick", data=b"{}", Content_Type=kind)
        self.assertIn(response.status, (400, 415))
        self.assertEqual(self.calls, [])

    def test_largest(self):
        text = "x" * (MAX_BODY - len('{"text": ""}'))
        self.assertEqual(self.ask("POST", "/names/a/kick", {"text": text}).status, 200)

    def test_too_large(self):
        """It's refused before it has come, and nothing of it is kept."""
        for length in (str(MAX_BODY + 1), "9" * 18, "9" * 5000):
            connection = self.connect()
            response = connection.ask("POST", "/names/a/kick", Content_Length=length)
            self.assertEqual((response.status, connection.closed), (413, True))
            connection.send(b"x" * 100000)
            self.assertEqual(connection.received(), b"")

    def test_too_large_in_chunks(self):
        connection = self.connect()
        connection.channel.dataReceived(
            b"POST /names/a/kick HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        sent = 0
        while not connection.closed:
            connection.send(b"3e8\r\n" + b" " * 1000 + b"\r\n")
            sent += 1000
        self.assertEqual(connection.response().status, 413)
        self.assertLess(sent, MAX_BODY + 2000)
        connection.send(b"0\r\n\r\n")
        self.assertEqual((connection.received(), self.calls), (b"", []))

    def test_one_large_chunk(self):
        connection = self.connect()
        connection.send(
            b"POST /names/a/kick HTTP/1.1\r\nHost: localhost\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
            b"20000\r\n" + b" " * 0x20000 + b"\r\n0\r\n\r\n"
        )
        self.assertEqual((connection.response().status, self.calls), (413, []))

    def test_chunks(self):
        connection = self.connect()
        connection.send(
            b"POST /names/a/kick HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
        )
        self.assertEqual(connection.response().status, 200)

    def test_expect(self):
        """A client that asks first whether it may send too much is told that it may not."""
        response = self.connect().ask(
            "POST", "/names/a/kick", Content_Length="70000", Expect="100-continue"
        )
        self.assertEqual(response.status, 413)

    def test_smuggling(self):
        for headers in (
            b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            b"Content-Length: 1\r\nContent-Length: 2\r\n",
            b"Content-Length: +1\r\n",
            b"Transfer-Encoding: gzip\r\n",
            b"Bad Header: x\r\n",
            b"no header\r\n",
        ):
            connection = self.connect()
            connection.send(
                b"POST /names/a/kick HTTP/1.1\r\nHost: localhost\r\n" + headers + b"\r\n{}"
            )
            self.assertEqual((connection.response().status, connection.closed), (400, True))


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

    def test_budget(self):
        """Work waits after much work; what needs no token, and streams, don't."""
        self.assertEqual(self.ask("GET", "/work").status, 200)
        connection = self.connect()
        connection.ask_only("GET", "/work")
        self.assertEqual(connection.received(), b"")
        self.assertEqual(self.ask("GET", "/open").status, 200)
        stream = self.connect()
        stream.ask_only("GET", "/stream")
        self.assertIn(b"begun", stream.received())
        self.clock.advance(MAX_PAUSE)
        self.assertEqual(connection.response().status, 200)


class AccessTests(SiteTestCase):
    token = TOKEN

    def test_token(self):
        for path, status in (
            ("/open", 200),
            ("/things", 401),
            ("/nothing", 401),
            ("/broken", 401),
        ):
            self.assertEqual(self.ask("GET", path).status, status)
        self.assertEqual(self.ask("PUT", "/open").status, 401)
        self.assertEqual(self.ask("GET", "/things", Authorization=BEARER).status, 200)
        self.assertEqual(self.ask("GET", "/nothing", Authorization=BEARER).status, 404)
        wrong = self.ask("GET", "/things", Authorization=BEARER + "x")
        self.assertEqual(wrong.status, 401)
        self.assertEqual(wrong.headers["www-authenticate"], 'Bearer error="invalid_token"')

    def test_places(self):
        """Those who show no token hold no place that another one needs."""
        known = [self.connect() for _ in range(MAX_CONNECTIONS - 3)]
        for each in known:
            each.ask("GET", "/things", Authorization=BEARER)
        strangers = [self.connect() for _ in range(3)]
        strangers[0].ask("GET", "/open")
        strangers[1].ask("GET", "/things", Authorization=BEARER + "x")
        for number in range(3):
            newcomer = self.connect()
            self.assertEqual([each.closed for each in strangers].count(True), number + 1)
            self.assertTrue(strangers[number].closed)
            strangers[number].lose()
            response = newcomer.ask("GET", "/things", Authorization=BEARER)
            self.assertEqual(response.status, 200)
        self.assertTrue(self.connect().closed)
        self.assertFalse(any(each.closed for each in known))

    def test_browsers(self):
        """A page of another site gets nothing, whether or not its browser knows the token."""
        for headers in (
            {"Host": "evil.example"},
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Sec_Fetch_Site": "cross-site"},
        ):
            response = self.ask("GET", "/things", Authorization=BEARER, **headers)
            self.assertEqual((response.status, self.calls), (403, []), headers)
            self.assertNotIn("access-control-allow-origin", response.headers)

    def test_hosts(self):
        for data in (
            b"GET /open HTTP/1.1\r\n\r\n",
            b"GET /open HTTP/1.0\r\n\r\n",
            b"GET /open HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        ):
            connection = self.connect()
            connection.send(data)
            self.assertIn(connection.response().status, (400, 403))

    def test_headers_twice(self):
        """Which of two counts isn't guessed."""
        for name, value in (
            (b"Host", b"localhost"),
            (b"Origin", b"http://localhost"),
            (b"Sec-Fetch-Site", b"same-origin"),
            (b"Authorization", BEARER.encode()),
        ):
            headers = {b"Host": b"localhost", b"Authorization": BEARER.encode(), name: value}
            lines = [key + b": " + headers[key] for key in headers]
            connection = self.connect()
            connection.send(
                b"\r\n".join([b"GET /things HTTP/1.1", *lines, name + b": " + value, b"", b""])
            )
            response = connection.response()
            self.assertEqual((response.status, self.calls), (400, []), name)
            self.assertIn(name.decode(), response.json["detail"])

    def test_asterisk(self):
        """What asks for the server itself is checked as all else is."""
        for headers, status in (
            ({}, 401),
            ({"Authorization": BEARER}, 404),
            ({"Authorization": BEARER, "Host": "evil.example"}, 403),
        ):
            self.assertEqual(self.ask("OPTIONS", "*", **headers).status, status)

    def test_log(self):
        """What is refused is logged, but not more than a line a minute, and escaped."""
        entries = log_entries(self)
        for _ in range(100):
            self.ask("GET", "/things", Origin="http://\x1b[31m")
        self.assertEqual(len(entries), 1)
        self.assertIn("has refused 127.0.0.1:4444", entries[0])
        self.assertNotIn("\x1b", entries[0])
        self.clock.advance(60)
        self.ask("GET", "/things")
        self.assertEqual(len(entries), 2)
        self.assertIn("99 others", entries[1])
