"""
The commands of docs/tls.md, as they are written there.
"""

from __future__ import annotations

import sysconfig

from tests.documents import block
from tests.integration.command_case import TWISTD
from tests.integration.processes import Process
from tests.integration.test_client_program import PlayersTestCase
from twisted import __version__ as twisted_version

# As docs/tls.md says, Twisted 24.10 doesn't connect without it.
BIND = ":bindAddress=0.0.0.0" if twisted_version.startswith("24.10.") else ""


class TLSDocumentTests(PlayersTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.write("client.py", block("docs/clients.md", "class Client(pb.Referenceable)"))
        self.write("passwords", "alice:secret\n")
        # The server's, once it listens at any that is free.
        self.port = "0"

    def run_shell(self, commands: str) -> Process:
        """Run a block of commands, with another port, and so that a signal reaches the last."""
        commands = commands.replace("8788", self.port)
        commands = commands.replace(":trustRoots", f"{BIND}:trustRoots")
        commands = commands.replace("twistd -n", f"exec {' '.join(TWISTD)}")
        commands = commands.replace("python client.py", "exec python client.py")
        path = f"{sysconfig.get_path('scripts')}:/usr/local/bin:/usr/bin:/bin"
        return self.stop_after_test(
            Process(["/bin/sh", "-ec", commands], self.directory, {"PATH": path})
        )

    async def serve_as_documented(self) -> Process:
        server = self.run_shell(block("docs/tls.md", "twistd -n pbrealm", "sh"))
        listening = await server.wait_for(r"listening on 127\.0\.0\.1:(\d+)")
        self.port = listening[1]
        return server

    async def test_commands(self) -> None:
        """They make a certificate, serve with it, and connect to that server."""
        certificate = self.run_shell(block("docs/tls.md", "openssl req", "sh"))
        self.assertEqual(await certificate.wait(), 0, certificate.output)
        server = await self.serve_as_documented()
        client = self.run_shell(block("docs/tls.md", "python client.py", "sh"))
        await client.wait_for("hello alice\n")
        server.signal("TERM")
        await client.wait_for("goodbye: shutting down")

    async def test_certificate_that_is_not_trusted(self) -> None:
        """The client doesn't log in to a server that it can't tell to be the right one."""
        await self.run_shell(block("docs/tls.md", "openssl req", "sh")).wait()
        await self.serve_as_documented()
        client = self.start("client.py", f"tls:localhost:{self.port}{BIND}", "alice", "secret")
        await client.wait_for("certificate verify failed")
        self.assertNotIn("hello", client.output)
