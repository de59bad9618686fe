"""
What the document says of the command is so.
"""

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pbrealm._admin_command.commands import COMMANDS, COMMON
from pbrealm._admin_command.connection import DEFAULT_ENDPOINT
from pbrealm._admin_command.exit_status import ExitStatus

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT.joinpath("docs", "operation.md").read_text("utf-8")
SECTION = DOCUMENT.partition("\n## The command\n")[2].partition("\n## ")[0]


class DocumentTests(SynchronousTestCase):
    def test_commands(self):
        """The table has each command, in the order of the help, with its options."""
        rows = re.findall(r"^\| (`[a-z].*?) \| (.*) \|$", SECTION, re.MULTILINE)
        self.assertEqual(
            [re.findall(r"\w+", row[0])[0] for row in rows], [each.name for each in COMMANDS]
        )
        for command, row in zip(COMMANDS, rows, strict=True):
            options = {each.name for each in command.arguments if each.is_option}
            self.assertEqual(set(re.findall(r"--[a-z-]+", " ".join(row))), options)

    def test_examples(self):
        """There is one of each command, but for the completions."""
        shown = re.findall(r"^\$ pbrealm (\w+)", SECTION, re.MULTILINE)
        self.assertEqual({*shown, "completion"}, {each.name for each in COMMANDS})

    def test_common_options(self):
        rows = re.findall(r"^\| `(--[a-z-]+)", SECTION, re.MULTILINE)
        self.assertEqual(rows, [each.name for each in COMMON])
        self.assertIn(f"`{DEFAULT_ENDPOINT}`", SECTION)
        self.assertIn(DEFAULT_ENDPOINT, COMMON[0].help)

    def test_statuses(self):
        rows = re.findall(r"^\| (\d+) \| ([^;|]+?)(?:;.*)? \|$", SECTION, re.MULTILINE)
        self.assertEqual(rows, [(str(each.number), each.text) for each in ExitStatus])
