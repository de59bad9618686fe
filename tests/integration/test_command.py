"""
The command as users run it: real processes, and plain PB clients over TCP.
"""

import json
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.spread.pb import PBConnectionLost

from tests.integration.command_case import TWISTD, CommandTestCase, Server
from tests.integration.plain_client import Mind
from tests.integration.processes import ANY_PORT, Process
from tests.integration.waiting import wait_until

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


class ServingTests(CommandTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.write("myapp.py", APP)

    async def test_memory_auth_and_an_avatar_class_of_the_working_directory(self) -> None:
        server = await self.serve(*PLAYER, "--auth", "memory:alice:secret")
        for calls in (1, 2):
            alice = await self.log_in(server, "alice")
            self.assertEqual(await alice.callRemote("greet"), f"hello alice, {calls}")
        self.assertIn("the name or the password", await self.refusal(server, "alice", "wrong"))
        self.assertIn("not accepted", await self.refusal(server))

    async def test_twist_serves_as_twistd_does(self) -> None:
        server = await self.serve(*PLAYER, "--auth", "memory:alice:secret", command=TWIST)
        alice = await self.log_in(server, "alice")
        self.assertEqual(await alice.callRemote("greet"), "hello alice, 1")

    async def test_passwords_of_several_auths_are_accepted(self) -> None:
        self.write("passwords", "bob:hunter2\nalice:other\n")
        server = await self.serve(
            *(*PLAYER, "--auth", "memory:alice:secret", "--auth", "file:passwords")
        )
        await self.log_in(server, "alice", "secret")
        await self.log_in(server, "alice", "other")
        bob = await self.log_in(server, "bob", "hunter2")
        self.assertEqual(await bob.callRemote("greet"), "hello bob, 1")
        self.assertIn("password is wrong", await self.refusal(server, "bob", "secret"))

    async def test_shared_realm_makes_an_avatar_a_session_with_shared_state(self) -> None:
        server = await self.serve(
            *(*PLAYER, "--realm", "shared", "--state", "myapp.state"),
            *("--auth", "memory:alice:secret"),
        )
        for many in (1, 2):
            alice = await self.log_in(server, "alice")
            self.assertEqual(await alice.callRemote("state"), many)
            self.assertEqual(await alice.callRemote("greet"), "hello alice, 1")

    async def test_disposable_realm_makes_an_avatar_a_session(self) -> None:
        server = await self.serve(
            *(*PLAYER, "--realm", "disposable", "--auth", "memory:alice:secret")
        )
        for _ in range(2):
            alice = await self.log_in(server, "alice")
            self.assertEqual(await alice.callRemote("greet"), "hello alice, 1")

    async def test_realm_can_be_a_function_of_the_application(self) -> None:
        server = await self.serve("--realm", "myapp.realm", "--auth", "memory:alice:secret")
        alice = await self.log_in(server, "alice")
        self.assertEqual(await alice.callRemote("greet"), "hello alice, 1")

    async def test_guests_log_in_without_a_name_or_with_the_guest_name(self) -> None:
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

    async def test_total_limits_guests(self) -> None:
        server = await self.serve("--guests", "myapp.Guest", "--total", "1")
        guest = await self.log_in(server)
        self.assertEqual(await guest.callRemote("greet"), "hello guest#1, 1")
        with self.assertRaises(PBConnectionLost):
            await self.log_in(server)
        await server.process.wait_for(r"as many clients are logged in as may be \(reason 9\)")

    async def test_limit_refuses_by_default(self) -> None:
        server = await self.serve(*PLAYER, "--auth", "memory:alice:secret", "--limit", "2")
        for _ in range(2):
            await self.log_in(server, "alice")
        self.assertIn("alice is logged in already", await self.refusal(server, "alice"))

    async def test_on_full_replace_ends_the_oldest_session(self) -> None:
        server = await self.serve(
            *(*PLAYER, "--auth", "memory:alice:secret", "--limit", "1", "--on-full", "replace")
        )
        mind = Mind()
        await self.log_in(server, "alice", mind=mind)
        alice = await self.log_in(server, "alice")
        self.assertEqual(await mind.next_call(), ("goodbye", 3, "replaced", False))
        self.assertEqual(await alice.callRemote("greet"), "hello alice, 1")

    async def test_on_full_ping_refuses_while_the_oldest_client_answers(self) -> None:
        server = await self.serve(
            *(*PLAYER, "--auth", "memory:alice:secret", "--limit", "1", "--on-full", "ping")
        )
        await self.log_in(server, "alice")
        self.assertIn("alice is logged in already", await self.refusal(server, "alice"))

    async def test_on_full_wait_admits_the_login_when_there_is_room(self) -> None:
        server = await self.serve(
            *(*PLAYER, "--auth", "memory:alice:secret", "--limit", "1", "--on-full", "wait")
        )
        first = await self.log_in(server, "alice")
        second = Deferred.fromCoroutine(self.log_in(server, "alice"))
        bystander = await self.connect(server)
        await bystander.factory.getRootObject()
        self.assertNoResult(second)
        first.broker.transport.loseConnection()
        self.assertEqual(await (await second).callRemote("greet"), "hello alice, 1")

    async def test_demo_has_its_limits_and_guests(self) -> None:
        """Alice may have two sessions, bob one, and guests log in."""
        server = await self.serve("--demo")
        for _ in range(2):
            await self.log_in(server, "alice")
        self.assertIn("alice is logged in already", await self.refusal(server, "alice"))
        mind = Mind()
        await self.log_in(server, "bob", mind=mind)
        await self.log_in(server, "bob")
        goodbye = await mind.next_call("goodbye")
        self.assertEqual(goodbye, ("goodbye", 3, "replaced", False))
        guest = await self.log_in(server)
        self.assertIn("hello guest#1", await guest.callRemote("greet"))

    async def test_logins_refusals_and_ends_are_logged(self) -> None:
        server = await self.serve("--demo", "--limit", "1")
        alice = await self.log_in(server, "alice")
        host = alice.broker.transport.getHost()
        peer = rf"127\.0\.0\.1:{host.port}"
        await server.process.wait_for(rf"login of alice from {peer}: session \d+")
        await self.refusal(server, "alice")
        await server.process.wait_for(
            rf"login of alice from 127\S+ refused: alice is logged in already, from {peer} since"
        )
        await self.refusal(server, "alice", "wrong")
        await server.process.wait_for(r"login of alice from 127\S+ refused")
        alice.broker.transport.loseConnection()
        await server.process.wait_for(
            rf"end of session \d+ of alice from {peer} after [\d.]+ s: disconnected"
        )
        self.assertNotIn("Traceback", server.process.output)

    async def test_twist_logs_events_as_json(self) -> None:
        process = self.command("--listen", ANY_PORT, "--demo", command=("twist",))
        await process.wait_for(r'"address": "127.*\n', "out")

        def events() -> list[dict[str, Any]]:
            # A record separator precedes each event, and splitlines would split there too.
            lines = process.out.split("\n")[:-1]
            return [json.loads(line.lstrip("\x1e")) for line in lines]

        (address,) = [event["address"] for event in events() if "address" in event]
        await self.log_in(Server(process, int(address.rpartition(":")[2])), "alice")
        await process.wait_for(r'"event": "login".*\n', "out")
        (login,) = [event for event in events() if event.get("event") == "login"]
        self.assertEqual(login["avatar_id"], "alice")
        self.assertTrue(login["peer"].startswith("127.0.0.1:"))


class StoppingTests(CommandTestCase):
    async def check_stop(self, command: Sequence[str]) -> None:
        server = await self.serve("--demo", command=command)
        mind = Mind()
        alice = await self.log_in(server, "alice", mind=mind)
        unauthenticated = await self.connect(server)
        await unauthenticated.factory.getRootObject()
        idle = await self.connect(server)
        server.process.signal("TERM")
        goodbye = await mind.next_call("goodbye")
        self.assertEqual(goodbye, ("goodbye", 8, "shutting down", True))
        await unauthenticated.lost
        await idle.lost
        # Twisted's commands shut down first, and then let the signal end the process.
        self.assertEqual(await server.process.wait(), -signal.SIGTERM)
        self.assertIn("of alice", server.process.output)
        self.assertRegex(server.process.output, r"end of session \d+ .* s: shutting down")
        self.assertNotIn("Traceback", server.process.output)
        self.assertTrue(alice.broker.disconnected)

    async def test_twistd_tells_clients_and_ends(self) -> None:
        await self.check_stop(TWISTD)

    async def test_twist_tells_clients_and_ends(self) -> None:
        await self.check_stop(TWIST)

    async def test_server_without_clients_ends(self) -> None:
        server = await self.serve("--demo")
        server.process.signal("TERM")
        self.assertEqual(await server.process.wait(), -signal.SIGTERM)


class FailingTests(CommandTestCase):
    def endpoint_in_use(self) -> str:
        """An endpoint on which this test listens."""
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        return f"tcp:{listener.getsockname()[1]}:interface=127.0.0.1"

    async def check_failure(
        self, sentence: str, *arguments: str, command: Sequence[str]
    ) -> Process:
        program = self.command(*arguments, command=command)
        self.assertEqual(await program.wait(), 1, program.output)
        self.assertEqual(program.output.count(sentence), 1, program.output)
        self.assertNotIn("Traceback", program.output)
        return program

    async def test_port_in_use_ends_the_command(self) -> None:
        """The command leaves no pidfile, and ends even if another endpoint is free."""
        endpoint = self.endpoint_in_use()
        for command in (("twistd", "-n"), TWIST):
            for listen in ([endpoint], [ANY_PORT, endpoint]):
                await self.check_failure(
                    f"pbrealm: Address already in use: cannot listen on {endpoint}\n",
                    "--demo",
                    *(argument for name in listen for argument in ("--listen", name)),
                    command=command,
                )
        self.assertFalse(Path(self.directory, "twistd.pid").exists())

    async def test_port_in_use_is_reported_by_the_daemon(self) -> None:
        """The cause appears in the terminal that started the daemon, which shows 100 bytes."""
        endpoint = self.endpoint_in_use()
        program = self.command("--demo", "--listen", endpoint, command=("twistd",))
        self.assertEqual(await program.wait(), 1)
        self.assertIn("Address already in use: cannot listen on tcp:", program.output)
        # The daemon tells its parent before it writes its log.
        log = Path(self.directory, "twistd.log")
        await wait_until(
            lambda: log.read_text(encoding="utf-8") if log.exists() else "",
            lambda text: "Address already in use" in text,
            "'Address already in use' in twistd.log",
        )

    async def test_usage_error_is_one_sentence(self) -> None:
        """twistd and twist print nothing else."""
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
                program = await self.check_failure(said, *arguments, command=command)
                self.assertEqual(program.output, said)
