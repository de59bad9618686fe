"""
A test case that runs the command as users do, with plain clients.
"""

from __future__ import annotations

import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from twisted.spread import pb

from tests.integration.plain_client import PlainClient
from tests.integration.processes import ANY_PORT, Process, ProcessTestCase

TWISTD = ("twistd", "-n", "--pidfile=")


class CommandTestCase(ProcessTestCase):
    """
    A test that starts processes in a temporary directory.
    """

    def setUp(self) -> None:
        self.perspectives: list[pb.RemoteReference] = []
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def write(self, name: str, text: str) -> Path:
        """Write a file in the directory of the test."""
        path = Path(self.directory, name)
        path.write_text(text, encoding="utf-8")
        return path

    def start(self, *arguments: object, env: Mapping[str, str] | None = None) -> Process:
        """Start Python with these arguments, in the directory of the test."""
        return self.stop_after_test(Process([sys.executable, *arguments], self.directory, env))

    def command(self, *arguments: str, command: Sequence[str] = TWISTD) -> Process:
        """Start C{twistd pbrealm} or C{twist pbrealm}, from the installed scripts."""
        script = Path(sysconfig.get_path("scripts"), command[0])
        return self.start(script, *command[1:], "pbrealm", *arguments)

    async def serve(self, *arguments: str, command: Sequence[str] = TWISTD) -> Server:
        """Start the command on a free port."""
        process = self.command("--listen", ANY_PORT, *arguments, command=command)
        match = await process.wait_for(r"listening on 127\.0\.0\.1:(\d+)")
        return Server(process, int(match[1]))

    async def connect(self, server: Server) -> PlainClient:
        """Connect a plain client, until the test is over."""
        client = await PlainClient.connect(server.port)
        self.addCleanup(client.disconnect)
        return client

    async def log_in(
        self,
        server: Server,
        name: str | None = None,
        password: str = "secret",
        mind: object = None,
    ) -> Any:
        """
        Log in over a new connection, with a password or without a name.

        @return: the reference to the perspective, which is held until the test is over.
        """
        client = await self.connect(server)
        if name is None:
            perspective = await client.login_anonymously(mind)
        else:
            perspective = await client.login(name, password, mind)
        # The session ends when nobody holds the reference any more.
        self.perspectives.append(perspective)
        return perspective

    async def refusal(self, server: Server, *account: str) -> str:
        """Log in, which must be refused, and return the text of the error."""
        try:
            await self.log_in(server, *account)
        except pb.RemoteError as why:
            return str(why)
        raise self.failureException("the login was not refused")


class Server:
    """A process that runs the command, and the port that it listens on."""

    def __init__(self, process: Process, port: int) -> None:
        self.process = process
        self.port = port
