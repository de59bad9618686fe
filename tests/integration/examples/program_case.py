"""
Test cases that run the programs of docs/examples.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.spread import pb

from tests.integration.plain_client import PlainClient
from tests.integration.processes import ANY_PORT, ROOT, Process, ProcessTestCase

EXAMPLES: Path = ROOT / "docs" / "examples"

# The newline makes sure that the port is complete.
LISTENING = r"(?m)^listening at 127\.0\.0\.1:(\d+)\n"


class ProgramTestCase(ProcessTestCase):
    """
    A test of one program, which must end with status 0.

    @cvar program: its name, without C{.py}.
    @ivar arguments: of the program, after the endpoint.
    @ivar tracebacks: how many tracebacks the program's log must have when the program has ended.
    """

    program = ""
    arguments: Sequence[str] = ()
    tracebacks = 0

    def setUp(self) -> Any:
        return Deferred.fromCoroutine(self.set_up())

    async def set_up(self) -> None:
        """Start the program; for subclasses to extend."""
        self.addCleanup(self.stop_program)
        await self.start_program()

    async def start_program(self) -> None:
        """Start the program, also once more when it was stopped."""
        command = [sys.executable, EXAMPLES / f"{self.program}.py", ANY_PORT, *self.arguments]
        self.process = Process(command)
        self.server_port = int((await self.process.wait_for(LISTENING, "out"))[1])

    async def stop_program(self) -> None:
        status = await self.process.stop()
        self.assertEqual((status, self.process.err.count("Traceback")), (0, self.tracebacks))

    async def connect(self) -> PlainClient:
        """Connect a client, until the test is over."""
        client = await PlainClient.connect(self.server_port)
        self.addCleanup(client.disconnect)
        return client

    async def login(
        self, name: str = "alice", password: str = "secret", mind: object = None
    ) -> pb.RemoteReference:
        """Log in over a new connection; returns the reference to the perspective."""
        client = await self.connect()
        return await client.login(name, password, mind)

    async def refused(self, awaited: Awaitable[object], error_type: str) -> str:
        """
        Wait for an error.

        @param error_type: the full name of its class at the server.
        @return: its text.
        """
        try:
            answer = await awaited
        except pb.RemoteError as error:
            self.assertEqual(error.remoteType, error_type.encode())
            return str(error)
        raise self.failureException(f"not refused, but answered {answer!r}")
