"""
Pagers of L{twisted.spread.util}, which produce for the transport of their broker.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.spread import pb, util
from twisted.trial.unittest import TestCase

from pbrealm import CachingRealm, Limits, ServerFactory
from pbrealm.testing import make_portal
from tests.integration.plain_client import PlainClient

TIMEOUT = 20

CONTENT = bytes(range(256)) * 8_192


class Library(pb.Avatar):
    """Gives its content in pages."""

    def __init__(self, name: str) -> None:
        self.name = name

    def perspective_string(self, collector: Any) -> None:
        util.StringPager(collector, CONTENT)

    def perspective_file(self, collector: Any) -> None:
        util.FilePager(collector, BytesIO(CONTENT))

    def perspective_title(self) -> str:
        return self.name


class PageTests(TestCase):
    async def check_pages(self, factory: Any) -> None:
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        address = port.getHost()
        assert isinstance(address, IPv4Address)
        client = await PlainClient.connect(address.port)
        self.addCleanup(client.disconnect)
        library = await client.login()
        for method in ("string", "file"):
            several = [util.getAllPages(library, method) for _ in range(3)]
            self.assertEqual(await library.callRemote("title"), "alice")
            for awaited in several:
                pages = await awaited.addTimeout(TIMEOUT, reactor)
                self.assertGreater(len(pages), 10)
                self.assertEqual(b"".join(pages), CONTENT)

    async def test_pages_arrive_under_plain_perspective_broker(self) -> None:
        await self.check_pages(pb.PBServerFactory(self.portal()))

    async def test_pages_arrive_in_between_answers(self) -> None:
        """Nothing else is sent that would get them going, such as pings."""
        await self.check_pages(ServerFactory(self.portal(), Limits(ping_interval=0)))

    def portal(self) -> Any:
        return make_portal(CachingRealm(Library), {"alice": "secret"})
