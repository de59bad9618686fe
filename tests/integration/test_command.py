"""
The command as users run it: real processes, and plain PB clients over TCP.
"""

import json
import signal
import socket
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from pbrealm._command.endpoints import DEFAULT_ENDPOINT
from tests.integration.processes import ANY_PORT, Mind, ProcessTestCase

APP = """
from twisted.spread import pb
from pbrealm import CachingRealm

class Player(pb.Avatar):
    def __init__(self, name, state="none"):
        self.name, self.state, self.calls = name, state, 0

    def perspective_greet(self):
        self.calls += 1
        return f"hello {self.name}, {self.calls}"

    def perspective_state(self):
        self.state.append(self.name)
        return len(self.state)

class Guest(Player):
    pass

def state(avatar_id):
    return []

def realm():
    return CachingRealm(Player)
"""

TWIST = ("twist", "--log-format=text")
PLAYER = ("--avatar", "myapp.Player")


def coroutine(test):
    """A test that is a coroutine, in a form that the oldest supported trial takes too."""

    def run(self):
        return Deferred.fromCoroutine(test(self))

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    return run


class ServingTests(ProcessTestCase):
    def setUp(self):
        super().setUp()
        self.write("myapp.py", APP)

    @coroutine
    async def test_memory(self):
        """The avatar comes from the working directory, as with python -m."""
        server = await self.serve(*PLAYER, "--auth", "memory:alice:secret")
        for calls in (1, 2):
            alice = await self.log_in(server, "alice")
            self.assertEqual(await alice.callRemote("greet"), f"hello alice, {calls}")
        self.assertIn("the name or the password", await self.refusal(server, "alice", "wrong"))
        self.assertIn("not accepted", await self.refusal(server))

    @coroutine
    async def test_twist(self):
        server = await self.serve(*PLAYER, "--auth", "memory:alice:secret", command=TWIST)
        alice = await self.log_in(server, "alice")
        self.assertEqual(await alice.callRemote("greet"), "hello alice, 1")

    @coroutine
    async def test_several_auths(self):
        self.write("passwords", "bob:hunter2\nalice:other\n")
        server = await self.serve(
            *(*PLAYER, "--auth", "memory:alice:secret", "--auth", "file:passwords")
        )
        await self.log_in(server, "alice", "secret")
        await self.log_in(server, "alice", "other")
        bob = await self.log_in(server, "bob", "hunter2")
        self.assertEqual(await bob.callRemote("greet"), "hello bob, 1")
        self.assertIn("password is wrong", await self.refusal(server, "bob", "secret"))

    @coroutine
    async def test_shared(self):
        server = await self.serve(
            *(*PLAYER, "--realm", "shared", "--state", "myapp.state"),
            *("--auth", "memory:alice:secret"),
        )
        for many in (1, 2):
            alice = await self.log_in(server, "alice")
            self.assertEqual(await alice.callRemote("state"), many)
            self.assertEqual(await alice.callRemote("greet"), "hello alice, 1")

    @coroutine
    async def test_disposable(self):
        server = await self.serve(
            *(*PLAYER, "--realm", "disposable", "--auth", "memory:alice:secret")
        )
        for _ in range(2):
            alice = await self.log_in(server, "alice")
            self.assertEqual(await alice.callRemote("greet"), "hello alice, 1")

    @coroutine
    async def test_foreign_realm(self):
        server = await self.serve("--realm", "myapp.realm", "--auth", "memory:alice:secret")
        alice = await self.log_in(server, "alice")
        self.assertEqual(await alice.callRemote("greet"), "hello alice, 1")

    @coroutine
    async def test_guests(self):
        server = await self.serve(
            *(*PLAYER, "--guests", "myapp.Guest", "--guest-name", "visitor"),
            *("--auth", "memory:visitor:secret:alice:secret"),
        )
        self.assertEqual(
            [
                await (await self.log_in(server, *name)).callRemote("greet")
                for name in ((), ("visitor",), ("visitor",), ("alice",))
            ],
            ["hello guest#1, 1", "hello guest#2, 1", "hello guest#3, 1", "hello alice, 1"],
        )

    @coroutine
    async def test_guests_only(self):
        server = await self.serve("--guests", "myapp.Guest", "--total", "1")
        guest = await self.log_in(server)
        self.assertEqual(await guest.callRemote("greet"), "hello guest#1, 1")
        self.assertIn("as many clients", await self.refusal(server))

    @coroutine
    async def test_refuse(self):
        server = await self.serve(*PLAYER, "--auth", "memory:alice:secret", "--limit", "2")
        for _ in range(2):
            await self.log_in(server, "alice")
        self.assertIn("alice is logged in already", await self.refusal(server, "alice"))

    @coroutine
    async def test_replace(self):
        server = await self.serve(
            *(*PLAYER, "--auth", "memory:alice:secret", "--limit", "1", "--on-full", "replace")
        )
        mind = Mind()
        await self.log_in(server, "alice", mind=mind)
        alice = await self.log_in(server, "alice")
        await mind.told
        self.assertEqual(mind.goodbyes, [(3, "replaced", False)])
        self.assertEqual(await alice.callRemote("greet"), "hello alice, 1")

    @coroutine
    async def test_ping(self):
        """The one who is in answers, so the newcomer is refused."""
        server = await self.serve(
            *(*PLAYER, "--auth", "memory:alice:secret", "--limit", "1", "--on-full", "ping")
        )
        await self.log_in(server, "alice")
        self.assertIn("alice is logged in already", await self.refusal(server, "alice"))

    @coroutine
    async def test_wait(self):
        server = await self.serve(
            *(*PLAYER, "--auth", "memory:alice:secret", "--limit", "1", "--on-full", "wait")
        )
        first = await self.log_in(server, "alice")
        second = Deferred.fromCoroutine(self.log_in(server, "alice"))
        bystander = await self.connect(server)
        await bystander.getRootObject()
        self.assertNoResult(second)
        first.broker.transport.loseConnection()
        self.assertEqual(await (await second).callRemote("greet"), "hello alice, 1")

    @coroutine
    async def test_demo(self):
        """Two for alice, one for bob, and guests."""
        server = await self.serve("--demo")
        for _ in range(2):
            await self.log_in(server, "alice")
        self.assertIn("alice is logged in already", await self.refusal(server, "alice"))
        mind = Mind()
        await self.log_in(server, "bob", mind=mind)
        await self.log_in(server, "bob")
        self.assertEqual(await mind.told, "replaced")
        guest = await self.log_in(server)
        self.assertIn("hello guest#1", await guest.callRemote("greet"))

    @coroutine
    async def test_journal(self):
        server = await self.serve("--demo", "--limit", "1")
        alice = await self.log_in(server, "alice")
        host = alice.broker.transport.getHost()
        peer = rf"127\.0\.0\.1:{host.port}"
        await server.says(rf"login of alice from {peer}: session \d+")
        await self.refusal(server, "alice")
        await server.says(
            rf"login of alice from 127\S+ refused: alice is logged in already, from {peer} since"
        )
        await self.refusal(server, "alice", "wrong")
        await server.says(r"login of alice from 127\S+ refused")
        alice.broker.transport.loseConnection()
        await server.says(rf"end of session \d+ of alice from {peer} after [\d.]+ s: disconnected")
        self.assertNotIn("Traceback", server.output)

    @coroutine
    async def test_json_journal(self):
        """What twist logs by default is for programs to read."""
        server = self.command("--listen", ANY_PORT, "--demo", command=("twist",))
        await server.says(r'"address": "127.*\n')

        def events():
            # Each is preceded by a record separator, at which splitlines would split too.
            lines = server.output.split("\n")[:-1]
            return [json.loads(line.lstrip("\x1e")) for line in lines]

        (address,) = [event["address"] for event in events() if "address" in event]
        server.port = int(address.rpartition(":")[2])
        await self.log_in(server, "alice")
        await server.says(r'"event": "login".*\n')
        (login,) = [event for event in events() if event.get("event") == "login"]
        self.assertEqual(login["avatar_id"], "alice")
        self.assertTrue(login["peer"].startswith("127.0.0.1:"))


class StoppingTests(ProcessTestCase):
    async def stop(self, command):
        server = await self.serve("--demo", command=command)
        mind = Mind()
        alice = await self.log_in(server, "alice", mind=mind)
        stranger = await self.connect(server)
        await stranger.getRootObject()
        bob = await self.connect(server)
        lost = [stranger.lost, bob.lost]
        server.signal("TERM")
        await mind.told
        self.assertEqual(mind.goodbyes, [(8, "shutting down", True)])
        for closed in lost:
            await closed
        # As everything that these commands run, it dies of the signal once it has finished.
        self.assertEqual(await server.ended, -signal.SIGTERM)
        self.assertIn("of alice", server.output)
        self.assertRegex(server.output, r"end of session \d+ .* s: shutting down")
        self.assertNotIn("Traceback", server.output)
        self.assertTrue(alice.broker.disconnected)

    @coroutine
    async def test_twistd(self):
        await self.stop(("twistd", "-n", "--pidfile="))

    @coroutine
    async def test_twist(self):
        await self.stop(TWIST)

    @coroutine
    async def test_no_clients(self):
        server = await self.serve("--demo")
        server.signal("TERM")
        self.assertEqual(await server.ended, -signal.SIGTERM)


class FailingTests(ProcessTestCase):
    def taken(self):
        """An endpoint that is in use already."""
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        return f"tcp:{listener.getsockname()[1]}:interface=127.0.0.1"

    async def fails(self, sentence, *arguments, command):
        program = self.command(*arguments, command=command)
        self.assertEqual(await program.ended, 1, program.output)
        self.assertEqual(program.output.count(sentence), 1, program.output)
        self.assertNotIn("Traceback", program.output)
        return program

    @coroutine
    async def test_port_in_use(self):
        """It doesn't stay up with nobody to talk to, and leaves no pidfile behind."""
        endpoint = self.taken()
        for command in (("twistd", "-n"), TWIST):
            for listen in ([endpoint], [ANY_PORT, endpoint]):
                await self.fails(
                    f"pbrealm: Address already in use: cannot listen on {endpoint}\n",
                    "--demo",
                    *(argument for name in listen for argument in ("--listen", name)),
                    command=command,
                )
        self.assertFalse(Path(self.directory, "twistd.pid").exists())

    @coroutine
    async def test_daemon(self):
        """The daemon that can't listen says so to the terminal that it was started from."""
        endpoint = self.taken()
        program = self.command("--demo", "--listen", endpoint, command=("twistd",))
        self.assertEqual(await program.ended, 1)
        self.assertIn("pbrealm: Address already in use: cannot listen", program.output)
        # The daemon tells its parent first, and its log after that; the timeout bounds it.
        log = Path(self.directory, "twistd.log")
        while "Address already in use" not in log.read_text(encoding="utf-8"):
            await deferLater(reactor, 0.01, lambda: None)

    @coroutine
    async def test_usage(self):
        """The sentence is all that is printed, whichever command it is."""
        for command in (("twistd", "-n"), TWIST):
            for sentence, arguments in (
                ("--limit must be a positive whole number, not '0'", ("--demo", "--limit", "0")),
                ("nobody could log in: give --auth, --guests or --demo", ()),
                (
                    "--avatar nosuch.Player: there is no module nosuch",
                    ("--avatar", "nosuch.Player", "--auth", "memory:alice:secret"),
                ),
            ):
                said = f"pbrealm: {sentence}\n"
                program = await self.fails(said, *arguments, command=command)
                self.assertEqual(program.output, said)

    def test_default(self):
        """Nobody but this machine gets to it unless that is asked for."""
        self.assertEqual(DEFAULT_ENDPOINT, "tcp:8787:interface=127.0.0.1")
