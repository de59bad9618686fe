"""
The unit of systemd in docs/deployment.md starts a server.
"""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import socket
import sysconfig
from collections.abc import Awaitable, Callable
from configparser import ConfigParser, SectionProxy
from inspect import signature

from twisted.trial.unittest import SkipTest

from pbrealm import Limits, ServerFactory
from pbrealm._session.connection import CLOSE_TIMEOUT
from tests.documents import block
from tests.integration.processes import Process
from tests.integration.test_client_program import PlayersTestCase
from tests.integration.test_restart import ACTIVATED


class UnitTests(PlayersTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.unit = self.read_unit(block("docs/deployment.md", "Type=notify", "ini"))

    def read_unit(self, text: str) -> SectionProxy:
        unit = ConfigParser(interpolation=None)
        unit.optionxform = str  # type: ignore[assignment, method-assign]  # names as they are
        unit.read_string(text)
        return unit["Service"]

    def test_limits(self) -> None:
        """The times and numbers of the unit are above those of the server."""
        self.assertGreater(int(self.unit["LimitNOFILE"]), Limits().connections + 20)
        patience = signature(ServerFactory.close).parameters["patience"].default
        self.assertGreater(int(self.unit["TimeoutStopSec"]), patience + CLOSE_TIMEOUT)

    async def test_command(self) -> None:
        """
        It serves at the socket that it's given, logs JSON, ends by the unit's signal, and tells
        all of that.
        """
        self.write("passwords", "alice:secret\n")
        line = self.unit["ExecStart"]
        # systemd makes the directory.
        self.assertIn(f"/run/{self.unit['RuntimeDirectory']}/", line)
        server = await self.check_service(
            line, '"address": "127.0.0.1:', meanwhile=self.check_administration
        )
        events = [json.loads(each.lstrip("\x1e")) for each in server.out.splitlines() if each]
        journal = [each for each in events if each["log_namespace"] == "pbrealm.journal"]
        self.assertEqual(
            [(each["event"], each["avatar_id"], each.get("why")) for each in journal],
            [("login", "alice", None), ("end", "alice", "shutting down")],
        )

    async def test_program(self) -> None:
        """One of one's own serves at the socket, too, and tells all of that."""
        self.write("passwords", "alice:secret\n")
        program = block("README.md", "service.Application(")
        program = program.rstrip().rpartition("\n")[0] + "\n"
        self.write("players.tac", program + block("docs/deployment.md", "SystemdService()"))
        unit = self.read_unit(block("docs/deployment.md", "twistd -n", "ini"))
        await self.check_service(unit["ExecStart"], r"listening on 127\.0\.0\.1:")

    async def check_administration(self) -> None:
        """It's at its socket, and the client is in."""
        asking = [f"{sysconfig.get_path('scripts')}/pbrealm", "sessions", "--admin"]
        asked = Process([*asking, f"unix:{self.directory}/admin.sock"], self.directory)
        self.assertEqual(await self.stop_after_test(asked).wait(), 0, asked.output)
        self.assertIn("alice", asked.out)

    async def check_service(
        self, line: str, listens: str, meanwhile: Callable[[], Awaitable[None]] | None = None
    ) -> Process:
        """
        Have a command serve at a socket, and be stopped, as systemd does it.

        @param listens: what it logs when it listens.
        @param meanwhile: called when a client is logged in.
        """
        port = socket.create_server(("127.0.0.1", 0))
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        told.bind(f"{self.directory}/notify")
        told.settimeout(60)
        for each in (port, told):
            self.addCleanup(each.close)
        line = line.replace("/srv/players/venv/bin", sysconfig.get_path("scripts"))
        for path in ("/srv/players", "/run/players"):
            line = line.replace(path, self.directory)
        command = shlex.split(line)
        server = self.stop_after_test(
            Process(
                ["/bin/sh", "-c", ACTIVATED, "sh", *command],
                self.directory,
                {"NOTIFY_SOCKET": f"{self.directory}/notify", "WATCHDOG_USEC": "30000000"},
                {3: port.fileno()},
            )
        )
        await server.wait_for(listens)
        self.assertEqual([told.recv(100), told.recv(100)], [b"READY=1", b"WATCHDOG=1"])
        self.write("client.py", block("docs/clients.md", "class Client(pb.Referenceable)"))
        number = port.getsockname()[1]
        client = self.start("client.py", f"tcp:127.0.0.1:{number}", "alice", "secret")
        await client.wait_for("hello alice\n")
        if meanwhile is not None:
            await meanwhile()
        server.signal(self.unit["KillSignal"].removeprefix("SIG"))
        await client.wait_for(r"goodbye: shutting down \(reason 8\)\n")
        self.assertEqual(await server.wait(), -signal.SIGTERM)
        self.assertEqual(told.recv(100).split(b"\n")[0], b"STOPPING=1")
        return server

    async def test_systemd_takes_the_units(self) -> None:
        """And finds that the service is exposed to little."""
        if shutil.which("systemd-analyze") is None:
            raise SkipTest("there is no systemd-analyze here")
        line = self.unit["ExecStart"].partition(" ")[0]
        service = block("docs/deployment.md", "Type=notify", "ini").replace(line, "/bin/sh")
        service = service.replace("players\nWorkingDirectory", "daemon\nWorkingDirectory")
        self.write("players.service", service)
        self.write("players.socket", block("docs/deployment.md", "[Socket]", "ini"))
        for arguments in (
            ("verify", "./players.service", "./players.socket"),
            ("security", "--offline=true", "--threshold=20", "./players.service"),
        ):
            command = ["systemd-analyze", "--no-pager", *arguments]
            checked = self.stop_after_test(Process(command, self.directory))
            self.assertEqual(await checked.wait(), 0, checked.output)
            if arguments[0] == "verify":
                self.assertEqual(checked.output, "")
