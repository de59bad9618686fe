"""
The service in programs of users: a C{.tac} file, and a plugin for C{twistd} and C{twist}.
"""

import signal
import socket
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from tests.documents import block
from tests.integration.command_case import TWISTD, CommandTestCase, Server
from tests.integration.plain_client import Mind
from tests.integration.processes import Process

SLOW_TO_DETACH = """
from pathlib import Path
from twisted.internet import reactor
from twisted.internet.task import deferLater
from zope.interface import classImplements
from pbrealm import IClientAware

async def detached(player, session, reason):
    await deferLater(reactor, 0.5)
    Path("detached").write_text(f"{player.name}: {reason.text}", encoding="utf-8")

Player.attached = lambda player, session: None
Player.detached = detached
classImplements(Player, IClientAware)
"""
"""Has the avatar of the README take a moment to detach, and then write a file."""

PLUGIN = """
from twisted.application.service import ServiceMaker

players = ServiceMaker("players", "players", "players beside another service", "players")
"""

PLUGIN_MODULE = """
from twisted.application.service import MultiService, Service
from twisted.cred.portal import Portal
from twisted.logger import Logger
from twisted.python.usage import Options

from pbrealm import CachingRealm, ServerFactory, ServerService
from pbrealm._command.demo import DemoAvatar
from pbrealm.testing import make_portal

class Other(Service):
    def startService(self):
        super().startService()
        Logger().info("the other service starts")

    def stopService(self):
        Logger().info("the other service stops")
        super().stopService()

def makeService(options):
    both = MultiService()
    factory = ServerFactory(make_portal(CachingRealm(DemoAvatar), {"alice": "secret"}))
    ServerService("tcp:0:interface=127.0.0.1", factory).setServiceParent(both)
    Other().setServiceParent(both)
    return both
"""

IN_TWIST = ("twist", "--log-format=text")


def tac_of_the_readme(port: int = 0) -> str:
    """The server of the README as it's printed, but for its port."""
    program = block("README.md", "service.Application(")
    assert "tcp:8787:" in program
    return program.replace("tcp:8787:", f"tcp:{port}:")


class HostedTestCase(CommandTestCase):
    def host(
        self, *arguments: str, command: Sequence[str] = TWISTD, before: Sequence[str] = ()
    ) -> Process:
        """
        Start C{twistd} or C{twist} with what is in the directory of the test.

        @param before: a program that is to start it.
        """
        script = str(Path(sysconfig.get_path("scripts"), command[0]))
        line = [*before, sys.executable, script, *command[1:], *arguments]
        return self.stop_after_test(Process(line, self.directory, {"PYTHONPATH": self.directory}))

    async def listening(self, process: Process) -> Server:
        match = await process.wait_for(r"listening on 127\.0\.0\.1:(\d+)")
        return Server(process, int(match[1]))


class TacTests(HostedTestCase):
    async def serve_command(self, before: Sequence[str] = ()) -> Server:
        """Have the command serve the avatars of the README."""
        self.write("passwords", "alice:secret\n")
        players = tac_of_the_readme().partition("realm = ")[0]
        self.write("players.py", players + SLOW_TO_DETACH)
        options = ("--avatar=players.Player", "--auth=file:passwords")
        listen = "--listen=tcp:0:interface=127.0.0.1"
        return await self.listening(self.host("pbrealm", *options, listen, before=before))

    async def serve_readme(self, before: Sequence[str] = ()) -> Server:
        self.write("passwords", "alice:secret\n")
        self.write("players.tac", tac_of_the_readme() + SLOW_TO_DETACH)
        return await self.listening(self.host("-y", "players.tac", before=before))

    async def check_stop(self, server: Server, first: str, *further: str) -> None:
        """
        Stop a server by a signal, and send further ones at once, and while it stops.
        """
        mind = Mind()
        alice = await self.log_in(server, "alice", mind=mind)
        self.assertEqual(await alice.callRemote("greet"), "hello alice")
        server.process.signal(first)
        for each in further:
            server.process.signal(each)
        self.assertEqual(await mind.next_call(), ("goodbye", 8, "shutting down", True))
        for each in further:
            server.process.signal(each)
        status = await server.process.wait()
        detached = Path(self.directory, "detached")
        self.assertTrue(detached.exists(), server.process.output)
        self.assertEqual(detached.read_text(encoding="utf-8"), "alice: shutting down")
        self.assertTrue(alice.broker.disconnected)
        # Of signals that come together, any may be the first.
        expected = [-getattr(signal, f"SIG{each}") for each in (first, *further)]
        self.assertIn(status, expected, server.process.output)
        self.assertNotIn("Traceback", server.process.output)

    async def test_sigterm_says_goodbye_and_waits_for_avatars_to_detach(self) -> None:
        await self.check_stop(await self.serve_readme(), "TERM")

    async def test_sigint_stops_as_sigterm_does(self) -> None:
        await self.check_stop(await self.serve_readme(), "INT")

    async def test_sighup_stops_the_command_as_sigterm_does(self) -> None:
        await self.check_stop(await self.serve_command(), "HUP")

    async def test_further_signals_change_nothing_of_the_command(self) -> None:
        """A closed terminal sends SIGHUP twice, and systemd does so after SIGTERM if asked to."""
        await self.check_stop(await self.serve_command(), "HUP", "HUP")
        await self.check_stop(await self.serve_command(), "TERM", "HUP", "INT")

    async def test_nohup_ignores_sighup(self) -> None:
        server = await self.serve_command(before=["/usr/bin/env", "nohup"])
        server.process.signal("HUP")
        alice = await self.log_in(server, "alice")
        self.assertEqual(await alice.callRemote("greet"), "hello alice")
        server.process.signal("TERM")
        self.assertEqual(await server.process.wait(), -signal.SIGTERM)

    async def test_port_in_use_ends_twistd(self) -> None:
        self.write("passwords", "alice:secret\n")
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            self.write("players.tac", tac_of_the_readme(listener.getsockname()[1]))
            process = self.host("-y", "players.tac", command=("twistd", "-n"))
            self.assertEqual(await process.wait(), 1)
        self.assertRegex(process.output, r"CannotListenError: .*Address already in use\.\n")
        self.assertFalse(Path(self.directory, "twistd.pid").exists())


class BesideAnotherServiceTests(HostedTestCase):
    async def check(self, command: Sequence[str]) -> None:
        self.write("players.py", PLUGIN_MODULE)
        plugins = Path(self.directory, "twisted", "plugins")
        plugins.mkdir(parents=True)
        plugins.joinpath("players_plugin.py").write_text(PLUGIN, encoding="utf-8")
        server = await self.listening(self.host("players", command=command))
        await server.process.wait_for("the other service starts")
        mind = Mind()
        await self.log_in(server, "alice", mind=mind)
        server.process.signal("TERM")
        goodbye = await mind.next_call("goodbye")
        self.assertEqual(goodbye, ("goodbye", 8, "shutting down", True))
        self.assertEqual(await server.process.wait(), -signal.SIGTERM)
        self.assertIn("the other service stops", server.process.output)
        self.assertNotIn("Traceback", server.process.output)

    async def test_twistd_hosts_both(self) -> None:
        await self.check(TWISTD)

    async def test_twist_hosts_both(self) -> None:
        await self.check(IN_TWIST)


class ImportTests(HostedTestCase):
    async def test_importing_pbrealm_installs_no_reactor(self) -> None:
        """A program, and the command, can choose one afterwards."""
        installed = "'twisted.internet.reactor' in sys.modules"
        process = self.start("-c", f"import sys, pbrealm, pbrealm._tap; print({installed})")
        self.assertEqual(await process.wait(), 0, process.output)
        self.assertEqual(process.out, "False\n")
