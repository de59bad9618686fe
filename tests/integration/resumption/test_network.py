"""
A network that is cut for a while, or loses packets, between a server and a client that comes back.

With C{PBREALM_NETWORK=long}, as C{make network} sets it, the link is cut for a minute as well, and
the longest time without an answer is printed.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import deferLater

from tests.examples import slow
from tests.integration.network import Network
from tests.integration.resumption.client import Report
from tests.integration.resumption.resumption_case import Client, ResumptionTestCase, Server

LONG = os.environ.get("PBREALM_NETWORK") == "long"

LOSS = 0.05

SHORT: Any = {
    "first_delay": 1,
    "max_delay": 2,
    "ping_interval": 2,
    "ping_timeout": 2,
    "connect_timeout": 2,
    "login_timeout": 5,
}


class NetworkTests(ResumptionTestCase):
    async def begin(self, **limits: float) -> tuple[Network, Server, Client]:
        network = Network(self)
        server = await self.serve(
            f"tcp:0:interface={network.SERVER_ADDRESS}",
            network.command_prefix(network.server),
            **limits,
        )
        client = await self.connect(
            f"tcp:{network.SERVER_ADDRESS}:{server.port}",
            network.command_prefix(network.client),
            **SHORT,
        )
        await self.wait_for_calls(server)
        return network, server, client

    async def cut(self, network: Network, seconds: float) -> None:
        """Cut the link for that long, which is the point of these tests."""
        network.cut()
        await deferLater(reactor, seconds)
        network.restore()

    def tell(self, what: str, report: Report) -> None:
        if LONG:
            text = f"{what}: {report.made:,} calls, at most {report.gap:.1f} s without an answer"
            print(f"\n{text}", file=sys.stderr)

    async def test_cuts(self) -> None:
        """Calls and notifications go on afterwards, each once and in order."""
        for seconds in (1, 10, 60) if LONG else (1, 10):
            with self.subTest(seconds=seconds):
                network, server, client = await self.begin()
                await self.cut(network, seconds)
                report = await self.check_nothing_is_lost(server, client)
                self.assertGreater(report.gap, seconds / 2)
                self.tell(f"cut for {seconds} s", report)
                await server.stop()
                network.remove()

    @slow
    async def test_loss(self) -> None:
        """Of packets, all the time, and then the link is cut as well."""
        network, server, client = await self.begin()
        network.lose(LOSS)
        for _ in range(30 if LONG else 5):
            for _ in range(10):
                await self.wait_for_calls(server)
            await self.cut(network, 0.1)
        await self.cut(network, 5)
        report = await self.check_nothing_is_lost(server, client)
        self.tell(f"{LOSS:.0%} loss and cuts", report)

    @slow
    async def test_longer_than_the_server_waits(self) -> None:
        """The session is over at both ends, and the service logs in anew."""
        network, server, client = await self.begin(
            resume_seconds=2, ping_interval=1, ping_timeout=1
        )
        await self.cut(network, 8)
        await client.wait_for(r"(?s)lost: .*logged in\n")
        report = await self.check_what_is_lost([server], client)
        self.assertGreater(report.made, len(report.answered))
        self.tell("cut for longer than the server waits", report)
