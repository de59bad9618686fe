"""
A restart that no client is refused at: the service manager holds the socket.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import socket
import sys
import sysconfig
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest

from tests.examples import slow
from tests.integration.command_case import TWISTD, CommandTestCase
from tests.integration.processes import ROOT, Process

LONG = os.environ.get("PBREALM_NETWORK") == "long"
CLIENTS = 5_000 if LONG else 1_000
DRAIN_SECONDS = 10 if LONG else 3
TIMEOUT = 120

PLAYERS = """
from twisted.spread import pb

class Player(pb.Avatar):
    def __init__(self, name):
        self.name = name
"""

ACTIVATED = 'export LISTEN_FDS=1 LISTEN_FDNAMES=players.socket LISTEN_PID=$$; exec "$@"'
"""As systemd starts a service that has a socket: its descriptor is 3."""

LISTEN = "systemd:domain=INET:name=players.socket"


class RestartTests(CommandTestCase):
    def setUp(self) -> None:
        super().setUp()
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < 2 * CLIENTS + 100:
            raise SkipTest(f"a process may open {hard} files here; it takes {2 * CLIENTS + 100}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        if shutil.which("curl") is None:
            raise SkipTest("there is no curl here")
        self.write("players.py", PLAYERS)
        self.write("passwords", "".join(f"player{number}:secret\n" for number in range(CLIENTS)))
        self.socket = self.make_socket()
        self.port = self.socket.getsockname()[1]

    def make_socket(self) -> socket.socket:
        made = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.addCleanup(made.close)
        return made

    async def start_server(self, *options: str, at: socket.socket | None = None) -> Process:
        at = at or self.socket
        # Twice as many for a moment: those who come, and those who leave.
        limits = ("--connections", str(3 * CLIENTS), "--connections-per-address", str(3 * CLIENTS))
        script = Path(sysconfig.get_path("scripts"), TWISTD[0])
        command: list[object] = ["/bin/sh", "-c", ACTIVATED, "sh", sys.executable, script]
        command += [*TWISTD[1:], "pbrealm"]
        command += ["--listen", LISTEN, "--avatar", "players.Player"]
        command += ["--auth", "file:passwords", *limits, *options]
        process = Process(command, self.directory, descriptors={3: at.fileno()})
        self.stop_after_test(process)
        await process.wait_for(f"listening on 127.0.0.1:{at.getsockname()[1]}")
        return process

    def start_clients(self, *others: int) -> Process:
        module = "tests.integration.returning_clients"
        ports = ",".join(map(str, (self.port, *others)))
        command = [sys.executable, "-m", module, ports, CLIENTS]
        return self.stop_after_test(Process(command, ROOT))

    async def all_in(self, clients: Process, times: int) -> Any:
        """Wait until all clients are logged in for so many times."""
        lines = await clients.wait_for(rf"(?:\{{.*\}}\n){{{times}}}", timeout=TIMEOUT)
        told = json.loads(re.findall(r"\{.*\}\n", lines[0])[-1])
        self.away = told["away"]
        return told["came back"]

    async def drain(self, clients: int = CLIENTS) -> None:
        request = (
            *("curl", "--silent", "--unix-socket", "admin.sock", "http://localhost/api/drain"),
            *("--header", "Content-Type: application/json"),
            *("--data", json.dumps({"seconds": DRAIN_SECONDS, "text": "we move"})),
        )
        drained = self.stop_after_test(Process(request, self.directory))
        self.assertEqual(await drained.wait(), 0)
        answer = json.loads(drained.out)
        self.assertEqual(answer["total"], clients)

    @slow
    async def test_restart(self) -> None:
        """
        Each client is told goodbye, comes back once, and is let in at its first attempt: those who
        come while there is no server wait for the next one.
        """
        queue = int(Path("/proc/sys/net/core/somaxconn").read_text())
        if queue < CLIENTS:
            raise SkipTest(f"the kernel lets {queue} connections wait here; it takes {CLIENTS}")
        server = await self.start_server()
        clients = self.start_clients()
        self.assertEqual(await self.all_in(clients, 1), {})
        server.signal("TERM")
        self.assertEqual(await server.wait(), -signal.SIGTERM)
        await self.start_server()
        self.assertEqual(await self.all_in(clients, 2), {"shutting down": CLIENTS})

    @slow
    async def test_drain(self) -> None:
        """
        The next server serves at the same socket before the first one is drained: the clients
        come to it one by one, each at its first attempt.
        """
        first = await self.start_server("--admin", "unix:admin.sock")
        clients = self.start_clients()
        self.assertEqual(await self.all_in(clients, 1), {})
        second = await self.start_server()
        await self.drain()
        self.assertEqual(await self.all_in(clients, 2), {"we move": CLIENTS})
        self.assertEqual(await first.wait(), 0)
        self.assertEqual(second.output.count("login of"), CLIENTS)

    def greeting(self) -> bytes:
        """Connect, and wait for the first words of a server."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT) as client:
            return client.recv(1)

    async def test_drain_while_the_socket_is_held(self) -> None:
        """Those who come wait for the next server at this socket, and go to no other one."""
        first = await self.start_server("--admin", "unix:admin.sock")
        await self.drain(0)
        self.assertEqual(await first.wait(), 0)
        with socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT) as client:
            await self.start_server()
            self.assertTrue(client.recv(1))

    async def test_drain_without_the_socket(self) -> None:
        """After C{systemctl stop} of it, the server goes on, and its drain ends the listening."""
        first = await self.start_server("--admin", "unix:admin.sock")
        self.socket.close()
        self.assertTrue(self.greeting())
        await self.drain(0)
        self.assertEqual(await first.wait(), 0)
        self.assertRaises(ConnectionRefusedError, self.greeting)

    async def two_servers(self) -> tuple[Process, Process, Process]:
        """One with an administration, another one, and clients that know both."""
        other = self.make_socket()
        first = await self.start_server("--admin", "unix:admin.sock")
        second = await self.start_server(at=other)
        clients = self.start_clients(other.getsockname()[1])
        self.assertEqual(await self.all_in(clients, 1), {})
        self.assertEqual(first.output.count("login of"), CLIENTS)
        return first, second, clients

    @slow
    async def test_drain_to_another_server(self) -> None:
        """
        The clients come to the other server one by one, each soon and at its first attempt.
        """
        first, second, clients = await self.two_servers()
        await self.drain()
        self.assertEqual(await self.all_in(clients, 2), {"we move": CLIENTS})
        # Half a second, and what a busy machine takes for the logins.
        self.assertLess(self.away[CLIENTS // 2], 5)
        self.assertEqual(await first.wait(), 0)
        self.assertEqual(second.output.count("login of"), CLIENTS)

    @slow
    async def test_stop_with_another_server(self) -> None:
        """All leave at once, and each comes to the other server at its first attempt."""
        first, second, clients = await self.two_servers()
        first.signal("TERM")
        self.assertEqual(await self.all_in(clients, 2), {"shutting down": CLIENTS})
        self.assertEqual(second.output.count("login of"), CLIENTS)
