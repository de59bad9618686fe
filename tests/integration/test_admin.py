"""
The administration over real HTTP, on UNIX sockets, TCP and TLS.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import sysconfig
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import treq
from twisted.internet import reactor, unix
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.endpoints import (
    HostnameEndpoint,
    UNIXClientEndpoint,
    connectProtocol,
    serverFromString,
    wrapClientTLS,
)
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.protocol import Protocol
from twisted.internet.ssl import CertificateOptions
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from pbrealm import (
    CachingRealm,
    ConnectionLimitedRealm,
    JournalRealm,
    MindTrackingRealm,
    Reason,
    ServerFactory,
    ServerService,
)
from pbrealm.admin import AdminService, _pace
from pbrealm.admin._site import MAX_CONNECTIONS
from pbrealm.testing import make_portal
from tests.avatars import Player
from tests.documents import blocks
from tests.examples import slow
from tests.integration.certificates import key_with_certificate
from tests.integration.command_case import CommandTestCase
from tests.integration.plain_client import Mind, PlainClient
from tests.integration.processes import ANY_PORT, Process, ProcessTestCase
from tests.integration.waiting import wait_until, wait_until_equal

TOKEN = "0123456789abcdef"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@implementer(IAgentEndpointFactory)
class OneEndpoint:
    """
    Connects to one endpoint, whatever the URL.
    """

    def __init__(self, endpoint: Any) -> None:
        self.endpoint = endpoint

    def endpointForURI(self, uri: Any) -> Any:
        return self.endpoint


@implementer(IStreamServerEndpoint)
class KnownEndpoint:
    """
    Listens, and knows at which port of TCP.
    """

    def __init__(self, description: str) -> None:
        self.endpoint = serverFromString(reactor, description)
        self.port = 0

    def listen(self, factory: Any) -> Deferred[Any]:
        listening: Deferred[Any] = self.endpoint.listen(factory)
        return listening.addCallback(self.listening)

    def listening(self, port: Any) -> Any:
        self.port = port.getHost().port
        return port


class AdminCase(ProcessTestCase):
    """
    A server on a port of its own, and its administration.
    """

    def setUp(self) -> None:
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.realm: MindTrackingRealm[Any] = MindTrackingRealm(
            ConnectionLimitedRealm(CachingRealm(Player), limit=20)
        )
        portal = make_portal(JournalRealm(self.realm), {"alice": "secret", "<script>": "secret"})
        self.factory = ServerFactory(portal)
        self.listening = KnownEndpoint(ANY_PORT)
        server = ServerService(self.listening, self.factory)
        server.startService()
        self.addCleanup(server.stopService)
        self.references: list[Any] = []

    def administrate(self, endpoint: Any, **keywords: Any) -> None:
        """Start the administration."""
        self.admin = AdminService(self.realm, self.factory, endpoint, **keywords)
        self.admin.startService()
        self.addCleanup(self.admin.stopService)

    def administrate_by_tcp(self, description: str = ANY_PORT, **keywords: Any) -> int:
        """Start the administration, and return its port."""
        endpoint = KnownEndpoint(description)
        self.administrate(endpoint, **keywords)
        return endpoint.port

    async def log_in(self, name: str = "alice", mind: Any = None) -> PlainClient:
        """Log a client in."""
        client = await PlainClient.connect(self.listening.port)
        self.addCleanup(client.disconnect)
        self.references.append(await client.login(name, "secret", mind))
        return client

    def client(self, endpoint: Any) -> Callable[..., Awaitable[Any]]:
        """A treq client of an endpoint, whose connections are closed after the test."""
        pool = HTTPConnectionPool(reactor)
        self.addCleanup(pool.closeCachedConnections)
        agent = Agent.usingEndpointFactory(reactor, OneEndpoint(endpoint), pool)

        async def ask(
            method: str, path: str, body: object = None, host: str = "localhost", **kw: Any
        ) -> tuple[int, Any]:
            keywords = {**kw, **({} if body is None else {"json": body})}
            response = await treq.request(method, f"http://{host}{path}", agent=agent, **keywords)
            return response.code, json.loads(await treq.content(response))

        return ask

    async def check_administration(self, ask: Any) -> None:
        """See who is logged in, and kick one."""
        mind = Mind()
        await self.log_in("<script>", mind)
        status, page = await ask("GET", "/api/sessions")
        (row,) = page["sessions"]
        self.assertEqual((status, row["avatar_id"]), (200, "<script>"))
        session = self.realm.sessions()[0]
        status, answer = await ask(
            "DELETE", f"/api/sessions/{row['id']}", {"text": "out", "reconnect": True}
        )
        self.assertEqual((status, answer), (200, {"ended": 1}))
        self.assertEqual(session.ended, Reason.RECONNECT)
        status, page = await ask("GET", "/api/ends")
        self.assertEqual((status, page["ends"][0]["reason"]), (200, 10))


class TransportTests(AdminCase):
    async def test_unix(self):
        """The socket is its owner's alone, who needs no token."""
        # Before Twisted 24.11, clients of its own couldn't use UNIX sockets.
        self.patch(unix.Client, "setTcpNoDelay", lambda client, enabled: None)
        path = f"{self.directory}/admin.sock"
        self.administrate(f"unix:{path}", token=TOKEN)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        await self.check_administration(self.client(UNIXClientEndpoint(reactor, path)))

    async def test_tcp(self):
        port = self.administrate_by_tcp(token=TOKEN)
        ask = self.client(HostnameEndpoint(reactor, "127.0.0.1", port))
        for headers in ({}, {"Authorization": f"Bearer {TOKEN}x"}):
            status, problem = await ask("GET", "/api/sessions", headers=headers)
            self.assertEqual((status, problem["title"]), (401, "Unauthorized"))
        for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
            status, _ = await ask("GET", "/api/sessions", headers={**BEARER, **headers})
            self.assertEqual(status, 403)

        async def with_token(*arguments: Any) -> Any:
            return await ask(*arguments, headers=BEARER)

        await self.check_administration(with_token)

    async def test_tls(self):
        """Everywhere, if there is a token."""
        path = Path(self.directory, "server.pem")
        path.write_text(key_with_certificate(), "ascii")
        port = self.administrate_by_tcp(
            f"ssl:0:interface=0.0.0.0:privateKey={path}", token=TOKEN, hosts=["admin.example"]
        )
        options = CertificateOptions(verify=False)
        endpoint = wrapClientTLS(options, HostnameEndpoint(reactor, "127.0.0.1", port))
        ask = self.client(endpoint)
        self.assertEqual((await ask("GET", "/api/sessions"))[0], 401)
        status, _ = await ask("GET", "/api/sessions", host="admin.example", headers=BEARER)
        self.assertEqual(status, 200)
        status, _ = await ask("GET", "/api/sessions", host="other.example", headers=BEARER)
        self.assertEqual(status, 403)

    async def test_open_to_a_network(self):
        for endpoint, keywords, problem in (
            ("tcp:0", {}, "needs a token"),
            ("tcp:0", {"token": TOKEN}, "needs TLS"),
        ):
            with self.assertRaisesRegex(ValueError, problem):
                self.administrate(endpoint, **keywords)
        self.administrate("tcp:0", token=TOKEN, insecure=True)


class Reader(Protocol):
    """
    Asks for the events, and reads them, or doesn't.
    """

    def __init__(self, reads: bool = True) -> None:
        self.reads = reads
        self.received = b""
        self.lost: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.write(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        if not self.reads:
            transport.pauseProducing()

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Any = None) -> None:
        self.lost.callback(None)

    @property
    def closed(self) -> bool:
        return self.lost.called


class HostileTests(AdminCase):
    def setUp(self) -> None:
        super().setUp()
        self.readers: list[Reader] = []
        self.addCleanup(self.disconnect)

    async def connect(self, port: int, reader: Reader) -> Reader:
        endpoint = HostnameEndpoint(reactor, "127.0.0.1", port)
        try:
            await connectProtocol(endpoint, reader)
        except ConnectError:
            # Closed by the server before the client has seen that it was open.
            reader.connectionLost()
        else:
            self.readers.append(reader)
        return reader

    def disconnect(self) -> Deferred[Any]:
        for reader in self.readers:
            transport: Any = reader.transport
            transport.abortConnection()
        return DeferredList([reader.lost for reader in self.readers])

    @slow
    async def test_thousand_streams(self):
        """Fifty are served, a hundred connections stay open, and clients don't notice."""
        await self.log_in()
        port = self.administrate_by_tcp()
        readers = [Reader() for _ in range(1000)]
        # No more at once than wait to be accepted: the kernel would have the rest try again later.
        for number in range(0, len(readers), 40):
            await DeferredList(
                [
                    Deferred.fromCoroutine(self.connect(port, reader))
                    for reader in readers[number : number + 40]
                ]
            )
        await wait_until(
            lambda: sum(reader.closed for reader in readers),
            lambda closed: closed >= 1000 - MAX_CONNECTIONS,
            "all but a hundred are closed",
        )
        streams = [reader for reader in readers if b"event: hello" in reader.received]
        self.assertEqual(len(streams), 50)
        self.assertEqual(await self.references[0].callRemote("greet"), "<1>hello alice")

    async def test_slow_reader(self):
        """It's dropped, however much happens."""
        port = self.administrate_by_tcp()
        slow = await self.connect(port, Reader(reads=False))
        fast = await self.connect(port, Reader())
        events = self.admin._api._events
        await wait_until_equal(lambda: len(events), 2)
        sent = 0

        def publish() -> int:
            nonlocal sent
            for _ in range(100):
                events.publish("login", {"text": "x" * 1000})
                sent += 1
            return len(events)

        await wait_until_equal(publish, 1)
        await wait_until_equal(lambda: fast.received.count(b"event: login"), sent)
        transport: Any = slow.transport
        transport.resumeProducing()
        await wait_until_equal(lambda: slow.closed, True)
        self.assertIn(b"event: dropped\ndata: {}\n\n", slow.received)

    async def test_described(self):
        """No request that schemathesis makes of the description is answered by an error."""
        await self.log_in()
        # Many requests are asked for, and no client waits.
        self.patch(_pace, "SHARE", 1.0)
        port = self.administrate_by_tcp(token=TOKEN)
        process = self.stop_after_test(
            Process(
                [
                    Path(sysconfig.get_path("scripts"), "schemathesis"),
                    "run",
                    f"http://127.0.0.1:{port}/api/openapi.json",
                    f"--header=Authorization: Bearer {TOKEN}",
                    # It has no end; and that a server which drains isn't ready is no error.
                    "--exclude-path=/api/events",
                    "--exclude-path=/readyz",
                    # What fits the schema may still be wrong, such as a cursor.
                    "--exclude-checks=positive_data_acceptance",
                    "--max-examples=10",
                    "--seed=1",
                    "--no-color",
                    "--generation-database=none",
                    "--request-timeout=20",
                ],
                self.directory,
            )
        )
        self.assertEqual(await process.wait(), 0, process.output)
        self.assertRegex(process.output, r"(\d{3,}) generated, \1 passed")
        self.assertEqual(self.flushLoggedErrors(), [])


class CommandTests(CommandTestCase):
    async def test_document(self):
        """The examples of the document, as they are written there."""
        if shutil.which("curl") is None:
            raise AssertionError("curl is missing: the examples of the document need it")
        server = await self.serve("--demo", "--admin", "unix:admin.sock")
        await self.log_in(server, "alice", mind=Mind())
        examples = [
            block for block in blocks("docs/operation.md", "console") if "alias ask" in block
        ]
        (example,) = examples
        commands = [line[2:] for line in example.splitlines() if line.startswith("$ ")]
        alias, *asked = commands
        options = re.fullmatch(r"alias ask='(.*)'", alias)
        assert options is not None
        for command in asked:
            line = command.replace("ask ", f"{options[1]} -m 2 -w '\\n%{{http_code}}' ", 1)
            shell = self.stop_after_test(Process(["/bin/sh", "-c", line], self.directory))
            await shell.wait()
            *_, status = shell.out.split("\n")
            # There is no session 12.
            expected = "404" if "sessions/12" in command else r"20\d"
            if "avatars/alice" in command:
                expected = "200"
            self.assertRegex(status, f"^{expected}$", f"{command}: {shell.output}")
        self.assertEqual(await server.process.wait(), 0, server.process.output)
        self.assertIn("drain from unix socket", server.process.output)

    async def test_port_in_use(self):
        process = self.command(
            "--demo", "--listen", ANY_PORT, "--admin", "unix:/nowhere/admin.sock"
        )
        self.assertEqual(await process.wait(), 1)
        self.assertIn("cannot listen on unix:/nowhere/admin.sock", process.output)

    async def test_open_to_a_network(self):
        process = self.command("--demo", "--listen", ANY_PORT, "--admin", "tcp:0")
        self.assertEqual(await process.wait(), 1)
        self.assertIn("pbrealm: the administration needs a token to listen on", process.output)
        self.assertNotIn("Traceback", process.output)

    async def test_nothing_imported(self):
        """Without --admin, nothing of it is."""
        program = (
            "import sys; from pbrealm._command.options import Options;"
            "from pbrealm._command.service import makeService;"
            "options = Options(); options.parseOptions(['--demo']); makeService(options);"
            "print([name for name in sys.modules if name.split('.')[0] in"
            " ('treq', 'prometheus_client') or name.startswith(('pbrealm.admin', 'twisted.web'))])"
        )
        process = self.start("-c", program)
        self.assertEqual(await process.wait(), 0, process.output)
        self.assertEqual(process.out, "[]\n")
