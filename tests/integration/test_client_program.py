"""
The client programs that the documents show.
"""

from __future__ import annotations

from tests.documents import block
from tests.integration.command_case import CommandTestCase, Server
from tests.integration.processes import ANY_PORT, Process

PLAYERS = """
from twisted.spread import pb

class Player(pb.Avatar):
    def __init__(self, name):
        self.name = name

    def perspective_greet(self):
        return f"hello {self.name}"
"""


class PlayersTestCase(CommandTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.write("players.py", PLAYERS)

    async def serve_players(self, port: int | None = None, *options: str) -> Server:
        listen = ANY_PORT if port is None else f"tcp:{port}:interface=127.0.0.1"
        process = self.command(
            *("--listen", listen, "--avatar", "players.Player", "--auth", "memory:alice:secret"),
            *options,
        )
        match = await process.wait_for(r"listening on 127\.0\.0\.1:(\d+)")
        return Server(process, int(match[1]))


class ClientProgramTests(PlayersTestCase):
    """
    The client that stays logged in.
    """

    def start_client(self, server: Server, password: str = "secret") -> Process:
        self.write("client.py", block("docs/clients.md", "class Client(pb.Referenceable)"))
        return self.start("client.py", f"tcp:127.0.0.1:{server.port}", "alice", password)

    async def test_it_comes_back_after_a_restart_of_the_server(self) -> None:
        """Whether the server says goodbye or not, and while there is no server."""
        server = await self.serve_players()
        client = self.start_client(server)
        await client.wait_for("hello alice\n")
        server.process.signal("TERM")
        await client.wait_for(r"goodbye: shutting down \(reason 8\)\ndisconnected\n")
        await client.wait_for("ConnectionRefusedError")
        server = await self.serve_players(server.port)
        await client.wait_for(r"(?s)hello alice\n.*hello alice\n")
        server.process.signal("KILL")
        await client.wait_for(r"(?s)disconnected.*disconnected")
        await self.serve_players(server.port)
        await client.wait_for(r"(?s)(hello alice\n.*){3}")

    async def test_it_stops_when_another_client_has_replaced_it(self) -> None:
        server = await self.serve_players(None, "--limit", "1", "--on-full", "replace")
        client = self.start_client(server)
        await client.wait_for("hello alice\n")
        await self.log_in(server, "alice")
        self.assertEqual(await client.wait(), 0)
        self.assertEqual(
            client.output, "hello alice\ngoodbye: replaced (reason 3)\ndisconnected\n"
        )

    async def test_it_stops_when_its_login_is_refused(self) -> None:
        client = self.start_client(await self.serve_players(), "wrong")
        self.assertEqual(await client.wait(), 0)
        self.assertEqual(client.output, "error: the name or the password is wrong (reason 4)\n")

    async def test_it_tries_again_when_the_server_closes_before_the_login(self) -> None:
        """As a server does that has too many connections."""
        server = await self.serve_players(None, "--connections", "1")
        other = [await self.connect(server) for _ in range(17)]
        client = self.start_client(server)
        await client.wait_for(r"Connection(Done|Lost): ")
        for each in other:
            await each.disconnect()
        await client.wait_for("hello alice\n")


class LoginServiceProgramTests(PlayersTestCase):
    """
    The client with a service that stays logged in.
    """

    def start_client(self, server: Server, password: str = "secret") -> Process:
        self.write("stays.py", block("docs/clients.md", "class Status"))
        return self.start("stays.py", f"tcp:127.0.0.1:{server.port}", "alice", password)

    async def test_it_comes_back_after_a_restart_of_the_server(self) -> None:
        """Also if there is none for a while."""
        server = await self.serve_players()
        client = self.start_client(server)
        await client.wait_for("hello alice\n")
        server.process.signal("TERM")
        await client.wait_for(r"lost: shutting down \(reason 8\)\ncoming back in [1-4]\.\d ")
        await client.wait_for("ConnectionRefusedError")
        await self.serve_players(server.port)
        await client.wait_for(r"(?s)hello alice\n.*hello alice\n")
        self.assertEqual(await client.stop(), 0)
        self.assertNotIn("Traceback", client.output)

    async def test_it_comes_back_after_the_server_was_killed(self) -> None:
        server = await self.serve_players()
        client = self.start_client(server)
        await client.wait_for("hello alice\n")
        server.process.signal("KILL")
        await client.wait_for(r"lost: the connection was lost \(reason 2\)")
        await self.serve_players(server.port)
        await client.wait_for(r"(?s)hello alice\n.*hello alice\n")
        self.assertEqual(await client.stop(), 0)
        self.assertRegex(
            client.output, r"lost: logged out .*\nstopped: logged out \(reason 1\)\n$"
        )
        self.assertNotIn("Traceback", client.output)

    async def test_it_stops_when_another_client_has_replaced_it(self) -> None:
        server = await self.serve_players(None, "--limit", "1", "--on-full", "replace")
        client = self.start_client(server)
        await client.wait_for("hello alice\n")
        await self.log_in(server, "alice")
        self.assertEqual(await client.wait(), 0)
        said = "hello alice\nlost: replaced (reason 3)\nstopped: replaced (reason 3)\n"
        self.assertEqual(client.output, said)

    async def test_it_stops_when_its_login_is_refused(self) -> None:
        client = self.start_client(await self.serve_players(), "wrong")
        self.assertEqual(await client.wait(), 0)
        said = "stopped: the name or the password is wrong (reason 4)\n"
        self.assertEqual(client.output, said)


class ReadmeTests(PlayersTestCase):
    """
    The two clients of the README.
    """

    async def test_plain_client(self) -> None:
        await self.run_client(block("README.md", "pb.PBClientFactory()"))

    async def test_login_service(self) -> None:
        await self.run_client(block("README.md", "LoginService("))

    async def run_client(self, program: str) -> None:
        server = await self.serve_players()
        self.write("client.py", program.replace("127.0.0.1:8787", f"127.0.0.1:{server.port}"))
        client = self.start("client.py")
        self.assertEqual(await client.wait(), 0)
        self.assertEqual(client.output, "hello alice\n")


class ExampleTests(PlayersTestCase):
    async def test_client_of_the_examples(self) -> None:
        server = await self.serve_players()
        program = block("docs/examples/README.md", "react(main)")
        self.write("client.py", program.replace("127.0.0.1:8787", f"127.0.0.1:{server.port}"))
        client = self.start("client.py")
        self.assertEqual(await client.wait(), 0)
        self.assertEqual(client.output, "hello alice\n")
