"""
The service manager that wants to know how the program is.
"""

import os
import shutil
import socket
import tempfile
from typing import Any

from twisted.application.service import Service
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import CachingRealm, ServerFactory, ServerService, SystemdService
from pbrealm._server.service_manager import ServiceManager
from pbrealm.testing import make_portal
from tests.avatars import Player
from tests.server.test_service import SlowEndpoint


class Port:
    """One that is listened at."""

    def getHost(self) -> Any:
        return UNIXAddress(b"/server.sock")

    def stopListening(self) -> None:
        pass


class ServiceManagerTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, directory)
        self.clock = Clock()
        self.listen(f"{directory}/notify")

    def listen(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.socket.close)
        self.socket.bind(address.replace("@", "\0"))
        self.socket.setblocking(False)

    def told(self) -> list[str]:
        told = []
        while True:
            try:
                told.append(self.socket.recv(1000).decode())
            except BlockingIOError:
                return told

    def manager(self, **environment: str) -> Any:
        return ServiceManager.of_environment(
            {"NOTIFY_SOCKET": self.address, **environment}, self.clock
        )


class ServiceManagerTests(ServiceManagerTestCase):
    def test_nobody_asks(self) -> None:
        self.assertIsNone(ServiceManager.of_environment({"WATCHDOG_USEC": "100"}, self.clock))

    def test_states(self) -> None:
        manager = self.manager()
        manager.ready()
        manager.stopping()
        manager.stopped()
        self.assertEqual(self.told(), ["READY=1", "STOPPING=1\nEXTEND_TIMEOUT_USEC=60000000"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_abstract_address(self) -> None:
        self.listen(f"@pbrealm-test-{os.getpid()}")
        self.manager().ready()
        self.assertEqual(self.told(), ["READY=1"])

    def test_watchdog(self) -> None:
        """It's told twice in its time, until the program has stopped."""
        manager = self.manager(WATCHDOG_USEC="10000000", WATCHDOG_PID=str(os.getpid()))
        manager.ready()
        self.assertEqual(self.told(), ["READY=1", "WATCHDOG=1"])
        for _ in range(2):
            self.clock.advance(4.9)
            self.assertEqual(self.told(), [])
            self.clock.advance(0.1)
            self.assertEqual(self.told(), ["WATCHDOG=1"])
        manager.stopping()
        self.clock.advance(5)
        self.assertIn("WATCHDOG=1", self.told())
        manager.stopped()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_watchdog_of_another_process(self) -> None:
        self.manager(WATCHDOG_USEC="10000000", WATCHDOG_PID="1").ready()
        self.assertEqual(self.told(), ["READY=1"])

    def test_odd_watchdog(self) -> None:
        self.manager(WATCHDOG_USEC="soon").ready()
        self.assertEqual(self.told(), ["READY=1"])

    def test_manager_has_gone(self) -> None:
        self.socket.close()
        manager = self.manager()
        os.unlink(self.address)
        manager.ready()
        manager.stopping()

    def test_manager_does_not_read(self) -> None:
        """The program goes on."""
        manager = self.manager()
        for _ in range(10_000):
            manager.ready()


class SystemdServiceTests(ServiceManagerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.patch(os, "environ", {"NOTIFY_SOCKET": self.address, "WATCHDOG_USEC": "10000000"})

    def start(self, *endpoints: Any) -> SystemdService:
        services = SystemdService(reactor=self.clock)
        for endpoint in endpoints:
            factory = ServerFactory(make_portal(CachingRealm(Player), {}), clock=self.clock)
            ServerService(endpoint, factory).setServiceParent(services)
        services.startService()
        return services

    def test_ready(self) -> None:
        """Once all of its servers listen; and it tells that the reactor runs until it is over."""
        endpoints = [SlowEndpoint(), SlowEndpoint()]
        services = self.start(*endpoints)
        other = Service()
        other.stopService = lambda: stops  # type: ignore[method-assign]
        other.setServiceParent(services)
        stops: Deferred[None] = Deferred()
        endpoints[0].listening.callback(Port())
        self.assertEqual(self.told(), [])
        endpoints[1].listening.callback(Port())
        self.assertEqual(self.told(), ["READY=1", "WATCHDOG=1"])
        stopped = services.stopService()
        self.assertEqual(self.told(), ["STOPPING=1\nEXTEND_TIMEOUT_USEC=60000000"])
        self.assertNoResult(stopped)
        self.clock.advance(5)
        self.assertEqual(self.told(), ["WATCHDOG=1"])
        stops.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopped_before(self) -> None:
        endpoint = SlowEndpoint()
        services = self.start(endpoint)
        self.successResultOf(services.stopService())
        self.assertEqual(self.told(), ["STOPPING=1\nEXTEND_TIMEOUT_USEC=60000000"])

    def test_without_a_server(self) -> None:
        services = self.start()
        self.assertEqual(self.told(), ["READY=1", "WATCHDOG=1"])
        self.successResultOf(services.stopService())

    def test_nobody_asks(self) -> None:
        os.environ.clear()
        endpoint = SlowEndpoint()
        services = self.start(endpoint)
        endpoint.listening.callback(Port())
        self.successResultOf(services.stopService())
        self.assertEqual(self.told(), [])
