"""
Servers that stall, or are killed, of a client that comes back.
"""

from __future__ import annotations

from typing import Any

from tests.integration.resumption.resumption_case import ResumptionTestCase

SHORT: Any = {
    "first_delay": 0.2,
    "max_delay": 0.5,
    "ping_interval": 0.3,
    "ping_timeout": 0.3,
    "login_timeout": 0.5,
}


class ServerTests(ResumptionTestCase):
    async def test_stopped(self) -> None:
        """
        SIGSTOP for so long that the client finds the server dead, and its first attempts to come
        back fail.
        """
        server = await self.serve()
        client = await self.connect(f"tcp:127.0.0.1:{server.port}", **SHORT)
        for times in (1, 2):
            server.signal("STOP")
            await client.wait_for(rf"(?s)(coming back.*no answer within.*){{{2 * times}}}")
            server.signal("CONT")
            await client.wait_for(rf"(?s)(resumed\n.*){{{times}}}")
        await self.check_nothing_is_lost(server, client)

    async def test_killed(self) -> None:
        """The service logs in anew to the next server; it says of each lost call what it knows."""
        servers = [await self.serve()]
        port = servers[0].port
        client = await self.connect(f"tcp:127.0.0.1:{port}", **SHORT)
        for times in (2, 3, 4):
            await self.wait_for_calls(servers[-1])
            servers[-1].signal("KILL")
            await servers[-1].wait()
            servers.append(await self.serve(f"tcp:{port}:interface=127.0.0.1"))
            await client.wait_for(rf"(?s)(logged in\n.*){{{times}}}")
        report = await self.check_what_is_lost(servers, client)
        self.assertEqual(client.output.count("lost: "), 4, client.output)
        self.assertGreater(len(report.answered), 60)
