"""
The service that stays logged in, over sockets.
"""

from __future__ import annotations

from typing import Any

from twisted.cred.credentials import UsernamePassword
from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater

from pbrealm import Reason
from pbrealm.client import LoginService
from tests.client.cases import Recorder
from tests.integration.test_client_program import PlayersTestCase
from tests.integration.waiting import TIMEOUT, wait_until, wait_until_equal


class LoginServiceTests(PlayersTestCase):
    def start_service(self, *endpoints: str, **how: Any) -> LoginService:
        self.observer = Recorder()
        how = {"first_delay": 0.2, "max_delay": 0.5, "observer": self.observer, **how}
        service = LoginService(endpoints, UsernamePassword(b"alice", b"secret"), **how)
        self.addCleanup(service.stopService)
        service.startService()
        return service

    async def wait_for_events(self, *events: object) -> None:
        await wait_until(
            lambda: self.observer.events,
            lambda told: all(event in told for event in events),
            f"{events}",
        )

    async def test_server_that_is_killed_and_started_again(self) -> None:
        """A call that is made meanwhile waits for the next server."""
        server = await self.serve_players()
        service = self.start_service(f"tcp:127.0.0.1:{server.port}")
        self.assertEqual(await service.call("greet"), "hello alice")
        server.process.signal("KILL")
        await self.wait_for_events(("lost", Reason.DISCONNECTED))
        call = service.call("greet", pbwait=TIMEOUT)
        await wait_until(
            lambda: len(self.observer.delays), lambda count: count > 2, "attempts that fail"
        )
        self.assertFalse(call.called)
        await self.serve_players(server.port)
        self.assertEqual(await call, "hello alice")
        await service.stopService()
        self.assertEqual(self.observer.events[-1], ("stopped", Reason.LOGGED_OUT))

    async def test_server_that_is_stopped(self) -> None:
        """As by SIGSTOP: its connections stay, and nobody answers."""
        server = await self.serve_players()
        service = self.start_service(
            f"tcp:127.0.0.1:{server.port}", ping_interval=0.3, ping_timeout=0.3, login_timeout=0.5
        )
        await service.when_logged_in()
        server.process.signal("STOP")
        # The kernel accepts connections for it, and it never speaks.
        await self.wait_for_events(("lost", Reason.NO_ANSWER), ("coming back", Reason.NO_ANSWER))
        call = service.call("greet", pbwait=TIMEOUT)
        server.process.signal("CONT")
        self.assertEqual(await call, "hello alice")

    async def test_listener_that_never_speaks(self) -> None:
        """The service closes the connection, and tries the next endpoint."""
        seen: list[str] = []

        class Silent(Protocol):
            def connectionMade(self) -> None:
                seen.append("connected")

            def connectionLost(self, reason: object = None) -> None:
                seen.append("disconnected")

        factory: Any = Factory.forProtocol(Silent)
        silent: Any = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(silent.stopListening)
        server = await self.serve_players()
        service = self.start_service(
            *(f"tcp:127.0.0.1:{port}" for port in (silent.getHost().port, server.port)),
            login_timeout=0.5,
        )
        self.assertEqual(await service.call("greet", pbwait=TIMEOUT), "hello alice")
        self.assertEqual(
            self.observer.events[0], ("coming back", Reason.NO_ANSWER), self.observer.events
        )
        await wait_until_equal(lambda: seen, ["connected", "disconnected"])

    async def test_stopped_during_each_step(self) -> None:
        """Nothing is left, however many turns it has had: trial looks at the reactor."""
        server = await self.serve_players()
        for turns in range(20):
            service = self.start_service(f"tcp:127.0.0.1:{server.port}")
            for _ in range(turns):
                await deferLater(reactor, 0)
            await service.stopService()
            self.assertEqual(self.observer.events[-1], ("stopped", Reason.LOGGED_OUT))
