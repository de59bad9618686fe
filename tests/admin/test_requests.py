"""
What requests to the administration may have: parameters, bodies, and who may ask.
"""

from __future__ import annotations

from pbrealm.admin._site import MAX_BODY, MAX_CONNECTIONS
from tests.admin.site_case import BEARER, TOKEN, SiteTestCase
from tests.logs import log_entries


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

    def test_chunks(self):
        """They could be of one byte each, which takes long: there has to be a length."""
        connection = self.connect()
        connection.channel.dataReceived(
            b"POST /names/a/kick HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
        )
        self.assertEqual((connection.response().status, connection.closed), (411, True))
        connection.send(b"1\r\n{\r\n" * 1000)
        self.assertEqual((connection.received(), self.calls), (b"", []))

    def test_expect(self):
        """A client that asks first whether it may send too much is told that it may not."""
        response = self.connect().ask(
            "POST", "/names/a/kick", Content_Length="70000", Expect="100-continue"
        )
        self.assertEqual(response.status, 413)

    def test_smuggling(self):
        for headers, status in (
            (b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", 411),
            (b"Transfer-Encoding: gzip\r\n", 411),
            (b"Content-Length: 1\r\nContent-Length: 2\r\n", 400),
            (b"Content-Length: +1\r\n", 400),
            (b"Bad Header: x\r\n", 400),
            (b"no header\r\n", 400),
        ):
            connection = self.connect()
            connection.send(
                b"POST /names/a/kick HTTP/1.1\r\nHost: localhost\r\n" + headers + b"\r\n{}"
            )
            self.assertEqual((connection.response().status, connection.closed), (status, True))

    def test_headers_that_are_not_text(self):
        """They are answered as others that are wrong, and nothing is logged."""
        for name, status in (
            (b"Host", 403),
            (b"Authorization", 200),
            (b"Origin", 403),
            (b"Sec-Fetch-Site", 403),
        ):
            connection = self.connect()
            host = b"" if name == b"Host" else b"Host: localhost\r\n"
            connection.send(b"GET /things HTTP/1.1\r\n" + host + name + b": \xff\xfe\r\n\r\n")
            self.assertEqual(connection.response().status, status, name)


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
        self.assertIn("has refused 127.0.0.1:4444: ", entries[0])
        self.assertNotIn("\x1b", entries[0])
        self.clock.advance(60)
        self.ask("GET", "/things")
        self.assertEqual(len(entries), 2)
        self.assertIn("99 others", entries[1])
