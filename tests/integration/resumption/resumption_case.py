"""
A server, and a client that comes back, in processes of their own.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Sequence

from tests.integration.processes import ANY_PORT, ROOT, Process, ProcessTestCase
from tests.integration.resumption.client import Report


class Server(Process):
    """
    C{tests.integration.resumption.server}.

    @ivar port: where it listens, after L{wait_until_listening}.
    """

    port = 0

    def __init__(
        self, endpoint: str = ANY_PORT, prefix: Sequence[str] = (), **limits: float
    ) -> None:
        """
        @param prefix: what the command begins with.
        """
        numbers = [f"{name}={number}" for name, number in limits.items()]
        module = "tests.integration.resumption.server"
        super().__init__([*prefix, sys.executable, "-m", module, endpoint, *numbers], ROOT)

    async def wait_until_listening(self) -> None:
        self.port = int((await self.wait_for(r"(?m)^listening at [\d.]+:(\d+)\n", "out"))[1])

    @property
    def ran(self) -> list[int]:
        """The calls that it has run, in order."""
        return [int(number) for number in re.findall(r"(?m)^ran (\d+)\n", self.out)]


class Client(Process):
    """
    C{tests.integration.resumption.client}.
    """

    def __init__(self, endpoint: str, prefix: Sequence[str] = (), **how: float) -> None:
        numbers = [f"{name}={number}" for name, number in how.items()]
        module = "tests.integration.resumption.client"
        super().__init__([*prefix, sys.executable, "-m", module, endpoint, *numbers], ROOT)

    async def report(self) -> Report:
        """Wait for all calls that are under way, and make no more."""
        self.write(b"enough\n")
        return Report(**json.loads((await self.wait_for(r"(?m)^\{.*\}\n", "out"))[0]))


class ResumptionTestCase(ProcessTestCase):
    async def serve(
        self, endpoint: str = ANY_PORT, prefix: Sequence[str] = (), **limits: float
    ) -> Server:
        server = self.stop_after_test(Server(endpoint, prefix, **limits))
        await server.wait_until_listening()
        return server

    async def connect(self, endpoint: str, prefix: Sequence[str] = (), **how: float) -> Client:
        client = self.stop_after_test(Client(endpoint, prefix, **how))
        await client.wait_for("logged in\n")
        return client

    async def wait_for_calls(self, server: Server) -> None:
        """Wait until a server has run some more."""
        before = len(server.ran)
        await server.wait_until(
            lambda: len(server.ran), lambda ran: ran >= before + 20, "further calls"
        )

    async def check_nothing_is_lost(self, server: Server, client: Client) -> Report:
        """In one session, all calls and notifications have come once and in order."""
        await self.wait_for_calls(server)
        report = await client.report()
        made = list(range(report.made))
        self.assertEqual(client.output.count("logged in"), 1, client.output + server.err)
        self.assertEqual((report.answered, report.told), (made, made))
        await server.wait_until(lambda: len(server.ran), lambda ran: ran >= report.made, "all")
        self.assertEqual(server.ran, made)
        self.assertNotRegex(server.err + client.err, "Traceback|Unhandled")
        return report

    async def check_what_is_lost(self, servers: Sequence[Server], client: Client) -> Report:
        """Each call is either answered, or lost with an error that tells whether it was run."""
        await self.wait_for_calls(servers[-1])
        report = await client.report()
        lost = report.run + report.not_run + report.unknown
        self.assertEqual(sorted(report.answered + lost), list(range(report.made)))
        for server in servers:
            await server.stop()
            self.assertEqual(server.ran, sorted(server.ran))
        times = Counter(number for server in servers for number in server.ran)
        self.assertEqual({times[number] for number in report.answered + report.run}, {1})
        self.assertLessEqual({times[number] for number in report.not_run}, {0})
        self.assertLessEqual({times[number] for number in report.unknown}, {0, 1})
        self.assertEqual(report.told, sorted(set(report.told)))
        self.assertLessEqual(set(report.answered), set(report.told))
        self.assertNotIn("Traceback", client.err)
        return report
