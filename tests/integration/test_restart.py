"""
A restart that no client is refused at: the service manager holds the socket.
"""

from __future__ import annotations

import json
import re
import resource
import signal
import socket
import sys
import sysconfig
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest

from tests.integration.command_case import TWISTD, CommandTestCase
from tests.integration.processes import ROOT, Process

CLIENTS = 1_000
TIMEOUT = 60

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
        if hard < CLIENTS + 100:
            raise SkipTest(f"a process may open {hard} files here; it takes {CLIENTS + 100}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        queue = int(Path("/proc/sys/net/core/somaxconn").read_text())
        if queue < CLIENTS:
            raise SkipTest(f"the kernel lets {queue} connections wait here; it takes {CLIENTS}")
        self.write("players.py", PLAYERS)
        self.write("passwords", "".join(f"player{number}:secret\n" for number in range(CLIENTS)))
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.addCleanup(self.socket.close)
        self.port = self.socket.getsockname()[1]

    async def start_server(self, *options: str) -> Process:
        script = Path(sysconfig.get_path("scripts"), TWISTD[0])
        command: list[object] = ["/bin/sh", "-c", ACTIVATED, "sh", sys.executable, script]
        command += [*TWISTD[1:], "pbrealm"]
        command += ["--listen", LISTEN, "--avatar", "players.Player"]
        command += ["--auth", "file:passwords", *options]
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

    async def test_restart(self) -> None:
        """
        Each client is told goodbye, comes back once, and is let in at its first attempt: those who
        come while there is no server wait for the next one.
        """
        server = await self.start_server()
        clients = self.start_clients()
        self.assertEqual(await self.all_in(clients, 1), {})
        server.signal("TERM")
        self.assertEqual(await server.wait(), -signal.SIGTERM)
        await self.start_server()
        self.assertEqual(await self.all_in(clients, 2), {"shutting down": CLIENTS})
