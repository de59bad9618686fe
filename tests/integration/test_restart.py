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
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.addCleanup(self.socket.close)
        self.port = self.socket.getsockname()[1]

    async def start_server(self, *options: str) -> Process:
        # Twice as many for a moment: those who come, and those who leave.
        limits = ("--connections", str(3 * CLIENTS), "--connections-per-address", str(3 * CLIENTS))
        script = Path(sysconfig.get_path("scripts"), TWISTD[0])
        command: list[object] = ["/bin/sh", "-c", ACTIVATED, "sh", sys.executable, script]
        command += [*TWISTD[1:], "pbrealm"]
        command += ["--listen", LISTEN, "--avatar", "players.Player"]
        command += ["--auth", "file:passwords", *limits, *options]
        process = Process(command, self.directory, descriptors={3: self.socket.fileno()})
        self.stop_after_test(process)
        await process.wait_for(f"listening on 127.0.0.1:{self.port}")
        return process

    def start_clients(self) -> Process:
        module = "tests.integration.returning_clients"
        command = [sys.executable, "-m", module, self.port, CLIENTS]
        return self.stop_after_test(Process(command, ROOT))

    async def all_in(self, clients: Process, times: int) -> Any:
        """Wait until all clients are logged in for so many times."""
        lines = await clients.wait_for(rf"(?:\{{.*\}}\n){{{times}}}", timeout=TIMEOUT)
        return json.loads(re.findall(r"\{.*\}\n", lines[0])[-1])

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
        request = (
            *("curl", "--silent", "--unix-socket", "admin.sock", "http://localhost/api/drain"),
            *("--header", "Content-Type: application/json"),
            *("--data", json.dumps({"seconds": DRAIN_SECONDS, "text": "we move"})),
        )
        drained = self.stop_after_test(Process(request, self.directory))
        self.assertEqual(await drained.wait(), 0)
        answer = json.loads(drained.out)
        self.assertEqual((answer["state"], answer["total"]), ("draining", CLIENTS))
        self.assertEqual(await self.all_in(clients, 2), {"we move": CLIENTS})
        self.assertEqual(await first.wait(), 0)
        self.assertEqual(second.output.count("login of"), CLIENTS)
