"""
A client that reads slowly but steadily is alive; one that has stopped reading isn't.
"""

from __future__ import annotations

import socket
import sys
from tempfile import TemporaryDirectory
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet import ssl
from twisted.internet.endpoints import (
    SSL4ServerEndpoint,
    TCP4ServerEndpoint,
    UNIXServerEndpoint,
)
from twisted.internet.task import LoopingCall
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.spread import pb
from twisted.trial.unittest import SkipTest, TestCase

from pbrealm import Backlog, CachingRealm, Limits, MindTrackingRealm, Reason, ServerFactory
from pbrealm.testing import make_portal
from tests.avatars import Player
from tests.integration.plain_client import Mind, PlainClient
from tests.integration.test_tls import self_signed
from tests.integration.waiting import wait_until

reactor: Any = _reactor

INTERVAL = 0.25
TIMEOUT = 0.5
SLACK = 5
"""Seconds that a loaded machine may need on top."""


class SlowReaderTests(TestCase):
    timeout = 120

    async def listen(self, endpoint: Any) -> Any:
        """Have a server listen."""
        self.realm = MindTrackingRealm(CachingRealm(Player))
        self.factory = ServerFactory(
            make_portal(self.realm, {"alice": "secret"}),
            Limits(ping_interval=INTERVAL, ping_timeout=TIMEOUT),
            # Not what is tested here.
            Backlog(hard_bytes=2**26, soft_seconds=600),
        )
        port = await endpoint.listen(self.factory)
        self.addCleanup(self.factory.close, 0.1)
        self.addCleanup(port.stopListening)
        return port

    def connect(self, connected: socket.socket, *, tls: bool = False) -> PlainClient:
        """A plain client at a connected socket, with which it may read what the client doesn't."""
        factory: Any = pb.PBClientFactory()
        connected.setblocking(False)
        broker = factory.buildProtocol(None)
        factory.buildProtocol = lambda _: broker
        adopting = TLSMemoryBIOFactory(ssl.CertificateOptions(), True, factory) if tls else factory
        reactor.adoptStreamConnection(connected.fileno(), connected.family, adopting)
        self.addCleanup(connected.close)
        self.addCleanup(broker.transport.abortConnection)
        self.transport = broker.transport.transport if tls else broker.transport
        return PlainClient(factory, broker)

    async def log_in(self, endpoint: Any, *, tls: bool = False) -> tuple[PlainClient, Any]:
        """A client with a small receive buffer, and what it holds."""
        port = await self.listen(endpoint)
        address = port.getHost()
        if hasattr(address, "port"):
            connected = socket.socket()
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            connected.connect(("127.0.0.1", address.port))
        else:
            connected = socket.socket(socket.AF_UNIX)
            connected.connect(address.name)
        self.socket = connected
        client = self.connect(connected, tls=tls)
        return client, await client.login(mind=Mind())

    async def read_slowly(self, endpoint: Any, *, tls: bool = False) -> None:
        """
        Read some of 4 MB at 100 KB/s, for several intervals, answering nothing; then stop.
        """
        _, held = await self.log_in(endpoint, tls=tls)
        (session,) = self.realm.sessions()
        self.transport.stopReading()
        for _ in range(8):
            session.notify("news", "x" * 500_000, pbanswer=False)
        taken = [0]
        last = [reactor.seconds()]

        def read() -> None:
            try:
                taken[0] += len(self.socket.recv(1000))
            except BlockingIOError:
                return
            last[0] = reactor.seconds()

        reading = LoopingCall(read)
        reading.start(0.01)

        def stop_reading() -> None:
            if reading.running:
                reading.stop()

        self.addCleanup(stop_reading)
        await wait_until(
            lambda: (taken[0] >= 300_000, session.ended), any, "many bytes, or the session's end"
        )
        self.assertIsNone(session.ended)
        stop_reading()
        await wait_until(lambda: session.ended, bool, "the session's end")
        self.assertIs(session.ended, Reason.NO_ANSWER)
        self.assertLess(reactor.seconds() - last[0], INTERVAL + TIMEOUT + SLACK)
        del held

    async def test_tcp(self) -> None:
        if sys.platform != "linux":
            raise SkipTest("only Linux says how many bytes were acknowledged")
        await self.read_slowly(TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1"))

    async def test_tls(self) -> None:
        if sys.platform != "linux":
            raise SkipTest("only Linux says how many bytes were acknowledged")
        endpoint = SSL4ServerEndpoint(reactor, 0, self_signed().options(), interface="127.0.0.1")
        await self.read_slowly(endpoint, tls=True)

    async def test_unix_socket(self) -> None:
        """There the kernel isn't asked; a client that answers pings is alive."""
        # Not in trial's own directory: a socket's path may have 107 bytes at most.
        directory = TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        endpoint = UNIXServerEndpoint(reactor, f"{directory.name}/socket")
        _, held = await self.log_in(endpoint)
        (session,) = self.realm.sessions()
        end = reactor.seconds() + 5 * (INTERVAL + TIMEOUT)
        await wait_until(
            lambda: (reactor.seconds() > end, session.ended), any, "some time, or the end"
        )
        self.assertIsNone(session.ended)
        del held
