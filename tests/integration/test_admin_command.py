"""
The command C{pbrealm}, run as users do, against a server over real sockets.
"""

from __future__ import annotations

import json
import os
import shlex
import sysconfig
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol

from pbrealm import Reason
from tests.integration.certificates import certificate_and_key
from tests.integration.plain_client import Mind
from tests.integration.processes import Process
from tests.integration.test_admin import TOKEN, AdminCase
from tests.integration.test_tls_document import BIND
from tests.integration.waiting import wait_until_equal

SCRIPT = Path(sysconfig.get_path("scripts"), "pbrealm")

HOSTILE = "\x1b]0;owned\x07\x1b[2J\u202e\r\n"


class AdminCommandCase(AdminCase):
    """
    A server, and the command.
    """

    def start(self, *arguments: str, **environment: str) -> Process:
        """Start the command."""
        cleared = {"PBREALM_ADMIN": "", "PBREALM_TOKEN_FILE": "", "TERM": "xterm"}
        process = Process([SCRIPT, *arguments], self.directory, {**cleared, **environment})
        return self.stop_after_test(process)

    async def command(self, *arguments: str, status: int = 0, **environment: str) -> str:
        """Run the command to its end, and return what it has written."""
        process = self.start(*arguments, **environment)
        self.assertEqual(await process.wait(), status, process.output)
        if status:
            self.assertEqual(process.out, "")
            return process.err
        self.assertEqual(process.err, "")
        return process.out

    def write(self, name: str, text: str) -> str:
        """Write a file, and return its path."""
        path = Path(self.directory, name)
        path.write_text(text, "utf-8")
        return str(path)


class UnixTests(AdminCommandCase):
    def setUp(self) -> None:
        super().setUp()
        self.where = f"unix:{self.directory}/admin.sock"
        self.administrate(self.where)

    async def ask(self, *arguments: str, status: int = 0) -> str:
        """Run the command with the socket of the server."""
        return await self.command(*arguments, status=status, PBREALM_ADMIN=self.where)

    async def test_commands(self):
        """Each of them that ends by itself."""
        mind = Mind("fine")
        await self.log_in("alice", mind)
        (session,) = self.realm.sessions()
        (row,) = json.loads(await self.ask("sessions", "--json"))
        self.assertEqual((row["id"], row["avatar_id"]), (session.id, "alice"))
        self.assertIn("avatar id          alice\n", await self.ask("show", str(session.id)))
        self.assertRegex(await self.ask("avatars"), r"(?m)^alice +1  20\d\d-.* here$")
        self.assertRegex(await self.ask("notify", "alice", "hear", "5"), r'(?m)^ *\d+  "fine"$')
        self.assertEqual(await mind.next_call(), ("hear", 5))
        self.assertTrue((await self.ask("broadcast", "hear")).startswith("answered 1, "))
        self.assertIn("1 session of 1 avatar id", await self.ask("top"))
        self.assertEqual(
            await self.ask("settings", "limits.connections=500"),
            "limits.connections  500\nthe changes last until the server restarts\n",
        )
        self.assertEqual(self.factory.limits.connections, 500)
        self.assertEqual(await self.ask("kick", str(session.id)), "1 session ended\n")
        self.assertEqual(session.ended, Reason.KICKED)
        self.assertIn("kicked (5)", await self.ask("ends"))

    async def test_unknown(self):
        self.assertEqual(
            await self.ask("show", "99", status=4), "pbrealm: there is no session 99\n"
        )
        self.assertEqual(
            await self.ask("kick", "--avatar", "nobody", status=4),
            'pbrealm: there is no session of "nobody"\n',
        )

    async def test_refused(self):
        said = await self.ask("settings", "limits.connections=-1", status=2)
        self.assertIn("limits.connections", said)

    async def test_drain(self):
        mind = Mind()
        await self.log_in("alice", mind)
        written = await self.ask("drain", "--seconds", "0.5", "--text", "come back")
        self.assertEqual(written.splitlines()[-1], "drained: 0 of 1 session left")
        self.assertEqual(await mind.next_call(), ("goodbye", 8, "come back", True))

    async def test_events(self):
        """They are followed until the server stops."""
        process = self.start("events", "--json", PBREALM_ADMIN=self.where)
        await process.wait_for('"hello"')
        await self.log_in("<script>")
        match = await process.wait_for(r'(?m)^(.*"login".*)$')
        self.assertEqual(json.loads(match[1])["avatar_id"], "<script>")
        await self.admin.stopService()
        self.assertEqual(await process.wait(), 3)
        self.assertEqual(process.err, f"pbrealm: {self.where} has ended the stream\n")

    async def test_interrupted(self):
        """Quietly, also while it waits for an answer."""
        for arguments, sign in ((("events",), "hello"), (("drain", "--seconds", "60"), "left")):
            await self.log_in()
            process = self.start(*arguments, PBREALM_ADMIN=self.where)
            await process.wait_for(sign)
            process.signal("INT")
            self.assertEqual(await process.wait(), 130)
            self.assertEqual(process.err, "")

    async def test_nobody_reads(self):
        """As in pbrealm events | head -1."""
        process = self.stop_after_test(
            Process(
                [
                    "bash",
                    "-c",
                    f"{shlex.quote(str(SCRIPT))} --admin {shlex.quote(self.where)} events"
                    "| head -1; echo ${PIPESTATUS[0]}",
                ]
            )
        )
        await process.wait_for("hello")
        events = self.admin._api._events

        def publish() -> int:
            events.publish("login", {})
            return len(events)

        await wait_until_equal(publish, 0)
        await process.wait()
        self.assertEqual((process.out.splitlines()[-1], process.err), ("1", ""))

    async def test_full_disk(self):
        process = self.stop_after_test(
            Process(
                ["bash", "-c", f"{shlex.quote(str(SCRIPT))} settings >/dev/full"],
                self.directory,
                {"PBREALM_ADMIN": self.where},
            )
        )
        self.assertEqual(await process.wait(), 1)
        self.assertEqual(
            process.err, "pbrealm: the output can't be written: No space left on device\n"
        )

    async def test_hostile_name(self):
        """Of a user whose name has escape sequences, and whose address is known."""
        checkers: Any = self.factory.root
        for checker in set(checkers.portal.checkers.values()):
            if hasattr(checker, "addUser"):
                checker.addUser(HOSTILE.encode(), b"secret")
        events = self.start("events", PBREALM_ADMIN=self.where)
        await events.wait_for("hello")
        await self.log_in(HOSTILE, Mind(HOSTILE))
        (session,) = self.realm.sessions()
        await events.wait_for("login")
        written = [
            await self.ask("sessions"),
            await self.ask("avatars"),
            await self.ask("show", str(session.id)),
            await self.ask("sessions", "--json"),
            await self.ask("top"),
            await self.ask("notify", HOSTILE, "hear"),
            await self.ask("kick", "--avatar", HOSTILE),
            await self.ask("ends"),
            await self.ask("notify", HOSTILE, "hear", status=4),
        ]
        await events.wait_for("end ")
        for text in [*written, events.out]:
            self.assertTrue(text.replace("\n", "").isprintable(), repr(text))

    def terminal(self, command: str, rows: int = 24) -> Process:
        """Run the command in a terminal, and then C{stty}."""
        script = (
            f"trap : INT; stty rows {rows} cols 80; {shlex.quote(str(SCRIPT))} {command}; s=$?; "
            "stty -a; exit $s"
        )
        process = Process(
            [
                "script",
                "--quiet",
                "--return",
                "--command",
                script,
                "/dev/null",
            ],
            self.directory,
            {"PBREALM_ADMIN": self.where, "TERM": "xterm", "COLUMNS": "", "SHELL": "/bin/sh"},
        )
        return self.stop_after_test(process)

    async def test_top(self):
        """It's refreshed, and leaves the terminal as it was, however it ends."""
        for key, status in ((b"q", 0), (b"\x03", 130)):
            before = len(self.realm.sessions())
            process = self.terminal("top")
            await process.wait_for(f"{before} sessions? of")
            await self.log_in()
            await process.wait_for(f"{before + 1} sessions? of")
            process.write(key)
            self.assertEqual(await process.wait(), status)
            shown, _, after = process.out.rpartition("\x1b[?25h\x1b[?1049l")
            self.assertIn("\x1b[?1049h", shown)
            self.assertRegex(after, r"[^-]icanon")
            self.assertRegex(after, r"[^-]echo ")
            self.assertNotIn("Traceback", process.out)

    async def test_top_without_server(self):
        await self.admin.stopService()
        process = self.terminal("top")
        self.assertEqual(await process.wait(), 3)
        self.assertRegex(process.out, r"\x1b\[\?1049lpbrealm: unix:\S+ can't be reached: ")

    async def test_progress_bar(self):
        await self.log_in()
        process = self.terminal("drain --seconds 0.5")
        self.assertEqual(await process.wait(), 0)
        self.assertIn(f"[{'.' * 30}] draining: 1 of 1 session left", process.out)
        self.assertIn(f"[{'#' * 30}] drained: 0 of 1 session left\r\n", process.out)

    async def test_table_in_a_terminal(self):
        await self.log_in("<script>")
        process = self.terminal("sessions")
        await process.wait()
        self.assertIn("<script>", process.out)


class TCPTests(AdminCommandCase):
    async def test_token(self):
        port = self.administrate_by_tcp(token=TOKEN)
        where = f"tcp:localhost:{port}"
        await self.log_in()
        right = self.write("token", f"{TOKEN}\n")
        written = await self.command("sessions", "--admin", where, "--token-file", right)
        self.assertIn("alice", written)
        written = await self.command("sessions", PBREALM_ADMIN=where, PBREALM_TOKEN_FILE=right)
        self.assertIn("alice", written)
        wrong = self.write("wrong", "x" * 20)
        self.assertEqual(
            await self.command("--admin", where, "--token-file", wrong, "sessions", status=1),
            "pbrealm: the token is wrong\n",
        )
        said = await self.command("--admin", where, "events", status=1)
        self.assertIn("a token is needed", said)

    async def test_token_file(self):
        """What is wrong with the file is said, and nothing is sent."""
        for name, text, problem in (
            ("empty", "\n", "must have one token"),
            ("spaces", "one two", "must have one token"),
            ("control", "abc\x07def", "must have one token"),
            ("missing", None, "No such file"),
        ):
            path = f"{self.directory}/{name}"
            if text is not None:
                self.write(name, text)
            said = await self.command("sessions", "--token-file", path, status=2)
            self.assertIn(problem, said)

    async def test_tls(self):
        """The server's certificate is checked."""
        certificate, key = certificate_and_key()
        self.write("both.pem", key + certificate)
        os.mkdir(f"{self.directory}/trusted")
        self.write("trusted/server.pem", certificate)
        port = self.administrate_by_tcp(
            f"ssl:0:interface=127.0.0.1:privateKey={self.directory}/both.pem", token=TOKEN
        )
        token = self.write("token", TOKEN)
        where = f"tls:localhost:{port}{BIND}"
        said = await self.command("--admin", where, "--token-file", token, "ends", status=3)
        self.assertIn("certificate verify failed", said)
        self.assertEqual(said.count("\n"), 1)
        trusting = f"{where}:trustRoots={self.directory}/trusted"
        await self.command("--admin", trusting, "--token-file", token, "ends")

    async def test_tls_without_bind_address(self):
        """Twisted 24.10 can't connect then, and later ones have nobody listen here."""
        where = "tls:127.0.0.1:1"
        said = await self.command("--admin", where, "ends", status=2 if BIND else 3)
        self.assertIn("bindAddress" if BIND else "Connection refused", said)
        self.assertEqual(said.count("\n"), 1)

    async def test_no_server(self):
        port = self.administrate_by_tcp()
        await self.admin.stopService()
        self.assertEqual(
            await self.command("sessions", "--admin", f"tcp:127.0.0.1:{port}", status=3),
            f"pbrealm: tcp:127.0.0.1:{port} can't be reached: Connection refused\n",
        )
        self.assertEqual(
            await self.command("sessions", "--admin", "unix:none.sock", status=3),
            "pbrealm: unix:none.sock can't be reached: No such file or directory\n",
        )

    async def test_other_servers(self):
        """One that isn't an administration, and one that isn't even HTTP."""
        for answer, status, said in (
            (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", 1, "isn't the administration"),
            (b"HTTP/1.0 404 No\r\nContent-Length: 2\r\n\r\n{}", 1, "isn't the administration"),
            (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nh", 3, "doesn't answer"),
            (b"\x80\x00\xff\r\n", 3, "doesn't answer"),
            (b"", 3, "doesn't answer"),
        ):

            class Other(Protocol):
                def dataReceived(self, data: bytes) -> None:
                    transport: Any = self.transport
                    transport.write(answer)  # noqa: B023
                    transport.loseConnection()

            listening: Any = reactor
            port = listening.listenTCP(0, Factory.forProtocol(Other), interface="127.0.0.1")
            try:
                where = f"tcp:127.0.0.1:{port.getHost().port}"
                written = await self.command("ends", "--admin", where, status=status)
                self.assertIn(said, written)
                self.assertEqual(written.count("\n"), 1)
            finally:
                await port.stopListening()


class UsageTests(AdminCommandCase):
    async def test_wrong(self):
        for arguments, said in (
            ((), "the following arguments are required: COMMAND"),
            (("nothing",), "invalid choice: 'nothing'"),
            (("show", "x"), "must be a whole number"),
            (("sessions", "--admin", "nonsense"), "--admin must be an endpoint string such as"),
            (("sessions", "--admin", "tcp:1"), "--admin must be an endpoint string such as"),
        ):
            self.assertIn(said, await self.command(*arguments, status=2))

    async def test_help(self):
        self.assertIn("exit statuses:", await self.command("--help"))
        self.assertRegex(await self.command("--version"), r"^pbrealm \d")

    async def test_without_the_extra(self):
        """It says what to install."""
        self.write("treq.py", "raise ModuleNotFoundError(name='treq')")
        said = await self.command("sessions", status=2, PYTHONPATH=self.directory)
        self.assertEqual(
            said,
            "pbrealm: this command needs treq: install it with pip install 'pbrealm[admin]'\n",
        )
