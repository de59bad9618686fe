"""
The unit of systemd in docs/deployment.md starts a server.
"""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import sysconfig
from configparser import ConfigParser
from inspect import signature
from pathlib import Path

from pbrealm import Limits, ServerFactory
from pbrealm._session.connection import CLOSE_TIMEOUT
from tests.documents import block
from tests.integration.processes import Process
from tests.integration.test_client_program import PlayersTestCase
from tests.integration.test_tls_document import BIND


class UnitTests(PlayersTestCase):
    def setUp(self) -> None:
        super().setUp()
        unit = ConfigParser(interpolation=None)
        unit.optionxform = str  # type: ignore[assignment, method-assign]  # names as they are
        unit.read_string(block("docs/deployment.md", "[Service]", "ini"))
        self.unit = unit["Service"]

    def test_limits(self) -> None:
        """The times and numbers of the unit are above those of the server."""
        self.assertGreater(int(self.unit["LimitNOFILE"]), Limits().connections + 20)
        patience = signature(ServerFactory.close).parameters["patience"].default
        self.assertGreater(int(self.unit["TimeoutStopSec"]), patience + CLOSE_TIMEOUT)

    async def test_command(self) -> None:
        """It serves, logs JSON, and ends by the unit's signal."""
        self.write("passwords", "alice:secret\n")
        certificate = block("docs/tls.md", "openssl req", "sh")
        made = self.stop_after_test(Process(["/bin/sh", "-ec", certificate], self.directory))
        self.assertEqual(await made.wait(), 0, made.output)
        line = self.unit["ExecStart"].replace("ssl:8787:", "ssl:0:")
        line = line.replace("/srv/players/venv/bin", sysconfig.get_path("scripts"))
        command = shlex.split(line.replace("/srv/players", self.directory))
        server = self.stop_after_test(Process(command, self.directory))
        port = (await server.wait_for(r'"address": "[^"]*:(\d+)"'))[1]
        self.write("client.py", block("docs/clients.md", "class Client(pb.Referenceable)"))
        trusted = f"tls:localhost:{port}{BIND}:trustRoots={self.directory}/trusted"
        Path(self.directory, "trusted").mkdir()
        shutil.copy(Path(self.directory, "certificate.pem"), Path(self.directory, "trusted"))
        client = self.start("client.py", trusted, "alice", "secret")
        await client.wait_for("hello alice\n")
        server.signal(self.unit["KillSignal"].removeprefix("SIG"))
        await client.wait_for(r"goodbye: shutting down \(reason 8\)\n")
        self.assertEqual(await server.wait(), -signal.SIGTERM)
        events = [json.loads(each.lstrip("\x1e")) for each in server.out.splitlines() if each]
        journal = [each for each in events if each["log_namespace"] == "pbrealm.journal"]
        self.assertEqual(
            [(each["event"], each["avatar_id"], each.get("why")) for each in journal],
            [("login", "alice", None), ("end", "alice", "shutting down")],
        )
