"""
What type checkers make of programs that use pbrealm, with and without a plugin for interfaces.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.documents import block
from tests.integration.processes import ROOT

PROGRAM = Path(__file__).with_name("program.py")
EXAMPLES = sorted(ROOT.glob("docs/examples/*.py"))

# Without the plugin, no class passes for a provider of what these functions of Twisted expect, as
# little as Twisted's own classes do.  Some others have no annotations.
OF_TWISTED = re.compile(
    r'"Portal" has incompatible type .*; expected "IRealm"'
    r'|expected "ICredentialsChecker"'
    r'|of type "(IRealm|Iterable\[ICredentialsChecker\])" in function'
    r'|Call to untyped function "(FilePasswordDB|Application|setServiceParent)" in typed context'
)

# They have no annotations, so what is checked is how they compose realms.
UNANNOTATED = f"""
[mypy-{",".join(path.stem for path in EXAMPLES)}]
disallow_untyped_defs = False
disallow_untyped_calls = False
check_untyped_defs = False
"""


class TypeCheckerTestCase(SynchronousTestCase):
    """
    A directory for what is written for a type checker.
    """

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def write(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return path

    def readme_server(self) -> Path:
        """The server of the README, as a file."""
        return self.write("players.py", block("README.md", "service.Application("))

    def run_checker(self, *command: object) -> str:
        """Run a type checker, and return what it prints."""
        if find_spec(str(command[0])) is None:
            raise SkipTest(
                f"{command[0]} isn't installed; the tests for all of development need it"
            )
        done = subprocess.run(
            [sys.executable, "-m", *map(str, command)], cwd=ROOT, capture_output=True, text=True
        )
        self.assertEqual(done.stderr, "")
        return done.stdout


class MypyTests(TypeCheckerTestCase):
    """
    C{mypy --strict}.
    """

    def check(self, name: str, options: str = "", sections: str = "") -> None:
        """Check all programs with a configuration, which has a name for its cache."""
        config = f"[mypy]\nstrict = True\n{options}\n{UNANNOTATED}\n{sections}"
        server = self.readme_server()
        wrong = server.read_text(encoding="utf-8").replace("CachingRealm(Player)", "Player")
        printed = self.run_checker(
            "mypy",
            "--config-file",
            self.write("mypy.ini", config),
            "--cache-dir",
            ROOT / ".mypy_cache" / name,
            PROGRAM,
            server,
            self.write("mistaken.py", wrong),
            *EXAMPLES,
        )
        self.assertIn(f"(checked {3 + len(EXAMPLES)} source files)", printed)
        errors = [line for line in printed.splitlines() if ": error: " in line]
        ours = [line for line in errors if not OF_TWISTED.search(line)]
        self.assertEqual(len(ours), 1, "\n".join(ours))
        self.assertIn("mistaken.py", ours[0])
        self.assertIn('error: Argument 1 to "ConnectionLimitedRealm" has incompatible', ours[0])

    def test_without_the_plugin(self) -> None:
        """Nor with the stubs of zope.interface that come with the plugin."""
        self.check("bare", sections="[mypy-zope.*]\nfollow_imports = skip\n")

    def test_with_stubs(self) -> None:
        self.check("stubs")

    def test_with_the_plugin(self) -> None:
        self.check("plugin", options="plugins = mypy_zope:plugin")


class PyrightTests(TypeCheckerTestCase):
    """
    pyright, which has no plugins.
    """

    def errors(self, path: Path) -> list[str]:
        """The errors that it finds, but for those that are Twisted's."""
        printed = self.run_checker("pyright", "--outputjson", "--pythonpath", sys.executable, path)
        report = json.loads(printed)
        self.assertEqual(report["summary"]["filesAnalyzed"], 1)
        return [
            f"{each['range']['start']['line'] + 1}: {each['message']}"
            for each in report["generalDiagnostics"]
            if each["severity"] == "error" and not OF_TWISTED.search(each["message"])
        ]

    def test_program(self) -> None:
        self.assertEqual(self.errors(PROGRAM), [])

    def test_readme(self) -> None:
        self.assertEqual(self.errors(self.readme_server()), [])

    def test_mistakes(self) -> None:
        """Each mistake of the program is found."""
        text = PROGRAM.read_text(encoding="utf-8")
        mark = "  # type: ignore"
        mistakes = [at for at, line in enumerate(text.splitlines(), 1) if mark in line]
        unmarked = self.write("program.py", re.sub(f"{mark}.*", "", text))
        found = [int(error.partition(":")[0]) for error in self.errors(unmarked)]
        self.assertEqual(found, mistakes)
