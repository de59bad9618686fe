"""
The list of the example programs, and the client to try them with.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.examples.program_case import EXAMPLES, ProgramTestCase
from tests.integration.plain_client import Mind
from tests.integration.processes import Process, ProcessTestCase

HELPERS = {"client", "serving"}


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None
            yield node.module


class CatalogueTests(SynchronousTestCase):
    def test_each_program_is_listed_and_tested(self) -> None:
        programs = {path.stem for path in EXAMPLES.glob("*.py")} - HELPERS
        table = (EXAMPLES / "README.md").read_text()
        listed = re.findall(r"^\| [^|]+ \| \[(\w+)\.py\]\(\1\.py\) \|", table, re.MULTILINE)
        self.assertEqual(sorted(listed), sorted(programs))
        tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
        tested = re.findall(r'^    program = "(\w+)"$', tests, re.MULTILINE)
        self.assertEqual(set(tested), programs)

    def test_programs_use_public_names_only(self) -> None:
        for path in EXAMPLES.glob("*.py"):
            ours = {name for name in imported_modules(path) if name.startswith("pbrealm")}
            self.assertLessEqual(ours, {"pbrealm", "pbrealm.client", "pbrealm.store"}, path.name)


class ClientMistakesTests(ProcessTestCase):
    async def said(self, *options: str) -> str:
        client = self.stop_after_test(Process([sys.executable, EXAMPLES / "client.py", *options]))
        self.assertNotEqual(await client.wait(), 0)
        return client.output

    async def test_no_server(self) -> None:
        said = await self.said("--at", "tcp:127.0.0.1:1", "greet")
        self.assertRegex(said, r"^can't connect to tcp:127.0.0.1:1: Connection was refused.*\n$")

    async def test_what_is_no_endpoint(self) -> None:
        said = await self.said("--at", "8787", "greet")
        self.assertEqual(said, "can't connect to 8787: Unknown endpoint type: '8787'\n")

    async def test_what_is_no_literal(self) -> None:
        said = await self.said("say", "ahoy")
        self.assertIn("ahoy is no Python literal; write a string as \"'ahoy'\"", said)


class ClientTestCase(ProgramTestCase):
    async def run_client(self, *options: str) -> str:
        """Run the client until it ends, and return what it printed."""
        command = [
            sys.executable,
            EXAMPLES / "client.py",
            f"--at=tcp:127.0.0.1:{self.server_port}",
        ]
        client = self.stop_after_test(Process([*command, *options]))
        status = await client.wait()
        self.assertEqual((client.err, status), ("", 0))
        return client.out


class ClientAndMultipleTests(ClientTestCase):
    program = "multiple"

    async def test_client_prints_calls_and_the_answer(self) -> None:
        told, answer = (await self.run_client("say", "'ahoy'")).splitlines()
        self.assertRegex(told, r"^told: hear alice at port \d+ ahoy$")
        self.assertEqual(answer, "answer: {'heard': 1, 'failed': 0, 'gone': 0}")

    async def test_client_prints_the_error(self) -> None:
        self.assertEqual(
            await self.run_client("--stay", "--password", "guess", "say", "'ahoy'"),
            "pbrealm.errors.WrongCredentials: the name or the password is wrong (reason 4)\n",
        )

    async def test_client_with_stay_ends_when_the_server_closes(self) -> None:
        mind = Mind()
        perspective = await self.login(mind=mind)
        staying = Deferred.fromCoroutine(self.run_client("--stay", "say", "'ahoy'"))
        await mind.next_call()
        # When this call is answered, the earlier call of the client is too.
        await perspective.callRemote("say", "goodbye")
        await self.process.stop()
        printed = await staying
        self.assertRegex(printed, r"^told: hear alice at port \d+ ahoy\n")
        self.assertIn("answer: {'heard': 2, 'failed': 0, 'gone': 0}\n", printed)
        self.assertRegex(printed, r"told: hear alice at port \d+ goodbye\n")


class ClientAndCalculatorTests(ClientTestCase):
    program = "calculator"

    async def test_client_calls_the_root_without_a_login(self) -> None:
        self.assertEqual(await self.run_client("--root", "divide", "10", "4"), "answer: 2.5\n")


class ClientAndAnonymousTests(ClientTestCase):
    program = "anonymous_service"

    async def test_client_logs_in_without_a_name(self) -> None:
        self.assertEqual(await self.run_client("--anonymous", "whoami"), "answer: guest#1\n")


class ClientAndViewableTests(ClientTestCase):
    program = "viewable"

    async def test_client_calls_the_object_that_a_method_returns(self) -> None:
        await self.run_client("--of", "board", "post", "'ahoy'")
        self.assertIn("'text': 'ahoy'", await self.run_client("--of", "board", "notices"))
