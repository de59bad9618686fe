"""
Connections that are cut at many places, of a client that comes back.
"""

from __future__ import annotations

from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from twisted.internet import reactor

from tests.integration.certificates import key_with_certificate
from tests.integration.processes import ANY_PORT
from tests.integration.resumption.proxy import CLIENT, SERVER, Cut, Proxy
from tests.integration.resumption.resumption_case import ResumptionTestCase

DELAYS: Any = {"first_delay": 0.05, "max_delay": 0.05}

AFTER_LOGIN = Cut(SERVER, 20_000)

LATER = [
    Cut(to, count)
    for count in (1000, 1448, 4096, 5000, 20_000, 65_536, 100_000)
    for to in (CLIENT, SERVER)
]


def handshakes(most: int, step: int) -> list[Cut]:
    """
    Cuts within what is said until a session goes on.

    With more than 100 in all, the rate at which a client may come back would count.
    """
    return [Cut(to, count) for count in range(1, most, step) for to in (CLIENT, SERVER)]


class CutTests(ResumptionTestCase):
    async def check_cuts(self, cuts: list[Cut], listen: str, scheme: str) -> None:
        server = await self.serve(listen)
        proxy: Any = Proxy(server.port, [AFTER_LOGIN, *cuts])
        port: Any = reactor.listenTCP(0, proxy, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        client = await self.connect(f"{scheme}:127.0.0.1:{port.getHost().port}", **DELAYS)
        await client.wait_until(lambda: len(proxy.cuts), lambda left: not left, "all cuts")
        await client.wait_until(
            lambda: client.out.count("coming back"),
            lambda times: times == 1 + len(cuts),
            f"{1 + len(cuts)} losses",
        )
        await self.check_nothing_is_lost(server, client)

    async def test_cuts(self) -> None:
        await self.check_cuts(handshakes(400, 11) + LATER, ANY_PORT, "tcp")

    async def test_cuts_over_tls(self) -> None:
        """Also within what TLS says first."""
        directory = mkdtemp()
        self.addCleanup(rmtree, directory)
        path = Path(directory, "server.pem")
        path.write_text(key_with_certificate(), "ascii")
        listen = f"ssl:0:privateKey={path}:certKey={path}:interface=127.0.0.1"
        await self.check_cuts(handshakes(3000, 83) + LATER, listen, "ssl")
