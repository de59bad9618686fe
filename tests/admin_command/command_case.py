"""
The command, run in memory against the real administration of a server.
"""

from __future__ import annotations

import json
import sys
from io import BytesIO, StringIO
from typing import Any

from treq.client import HTTPClient
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import Cooperator
from twisted.test import iosim
from twisted.web.client import Agent, FileBodyProducer, HTTPConnectionPool
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from pbrealm._admin_command.client import AdminClient
from pbrealm._admin_command.commands import COMMANDS, COMMON
from pbrealm._admin_command.console import Console
from pbrealm._admin_command.invocation import Invocation
from pbrealm._admin_command.parser import make_parser
from pbrealm._admin_command.program import run_command
from tests.admin.admin_case import AdminTestCase
from tests.admin.memory_http import HOST, PEER

WHERE = "unix:admin.sock"


@implementer(IStreamClientEndpoint, IAgentEndpointFactory)
class MemoryConnections:
    """
    Connects HTTP clients to a site in memory.

    @ivar failure: what each further attempt to connect fails with, if anything.
    """

    def __init__(self, site: Any) -> None:
        self.site = site
        self.failure: Exception | None = None
        self.pumps: list[iosim.IOPump] = []

    def endpointForURI(self, uri: Any) -> Any:
        return self

    def connect(self, factory: Any) -> Any:
        if self.failure is not None:
            raise self.failure
        server, client = self.site.buildProtocol(PEER), factory.buildProtocol(HOST)
        self.pumps.append(
            iosim.connect(
                server,
                iosim.FakeTransport(server, True, hostAddress=HOST, peerAddress=PEER),
                client,
                iosim.FakeTransport(client, False, hostAddress=PEER, peerAddress=HOST),
            )
        )
        return succeed(client)

    def flush(self) -> None:
        """Carry what was written to its other end."""
        for pump in self.pumps:
            pump.flush()

    def lose(self) -> None:
        """Lose all connections, and refuse further ones."""
        for pump in self.pumps:
            pump.clientIO.disconnect_done = True
            pump.clientIO.loseConnection()
        self.flush()


class Run:
    """
    A command that runs.
    """

    def __init__(self, case: CommandTestCase, *arguments: str, size: Any = None) -> None:
        self._case = case
        self._out, self._err = StringIO(), StringIO()
        options = make_parser(COMMANDS, COMMON).parse_args(arguments)
        console = Console(
            self._out,
            self._err,
            json=options.json,
            terminal_size=None if size is None else lambda: size,
        )
        invocation = Invocation(options, console, case.clock, case.make_client)
        self.statuses: list[int] = []
        self.running = Deferred.fromCoroutine(run_command(invocation))
        self.running.addCallback(self.statuses.append)
        self.settle()

    def settle(self, seconds: float = 0, step: float = 0.1) -> None:
        """Let the command and the server do what they can within some seconds."""
        for _ in range(round(seconds / step) + 1):
            for _ in range(100):
                self._case.server.flush()
                self._case.connections.flush()
                self._case.clock.advance(0)
            if self.statuses:
                break
            self._case.clock.advance(step)

    @property
    def status(self) -> int | None:
        """Its exit status, once it has ended."""
        return self.statuses[0] if self.statuses else None

    @property
    def out(self) -> str:
        """What it has written to its standard output."""
        return self._out.getvalue()

    @property
    def err(self) -> str:
        """What it has written to its standard error."""
        return self._err.getvalue()


class CommandTestCase(AdminTestCase):
    """
    A server that is administrated by the command.
    """

    token: str | None = None

    def setUp(self) -> None:
        super().setUp()
        assert self.endpoint.port is not None
        self.connections = MemoryConnections(self.endpoint.port.factory)

    def make_client(self) -> AdminClient:
        """The client of a command."""
        clock: Any = self.clock
        agent = Agent.usingEndpointFactory(
            clock, self.connections, HTTPConnectionPool(clock, persistent=False)
        )
        cooperator = Cooperator(scheduler=lambda work: clock.callLater(0, work))

        def produce(data: bytes) -> FileBodyProducer:
            return FileBodyProducer(BytesIO(data), cooperator=cooperator)

        return AdminClient(HTTPClient(agent, None, produce), clock, WHERE, self.token)

    def start(self, *arguments: str, size: tuple[int, int] | None = None) -> Run:
        """Start a command."""
        return Run(self, *arguments, size=size)

    def command(
        self, *arguments: str, status: int = 0, size: tuple[int, int] | None = None
    ) -> str:
        """Run a command to its end, and return what it has written."""
        run = self.start(*arguments, size=size)
        run.settle(20)
        self.assertEqual((run.status, bool(run.err)), (status, bool(status)), run.out + run.err)
        return run.err if status else run.out

    def document(self, *arguments: str) -> Any:
        """Run a command, and return the JSON document that it has written."""
        written = self.command(*arguments, "--json")
        self.assertEqual(written.count("\n"), 1)
        return json.loads(written)

    def reject(self, *arguments: str) -> str:
        """Run a command that is wrong, and return what is said about that."""
        err = StringIO()
        self.patch(sys, "stderr", err)
        with self.assertRaises(SystemExit) as caught:
            make_parser(COMMANDS, COMMON).parse_args(arguments)
        self.assertEqual(caught.exception.code, 2)
        return err.getvalue()
