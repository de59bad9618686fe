"""
The command line.
"""

from __future__ import annotations

import sys
from io import StringIO
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pbrealm._admin_command.commands import COMMANDS, COMMON
from pbrealm._admin_command.exit_status import ExitStatus
from pbrealm._admin_command.parser import make_parser


def parse(*arguments: str) -> Any:
    return make_parser(COMMANDS, COMMON).parse_args(arguments)


class ParserTests(SynchronousTestCase):
    def test_common_options(self):
        """They may be given before and after the name of the command."""
        for arguments in (
            ("--admin", "unix:a", "--json", "ends", "--limit", "5"),
            ("ends", "--limit", "5", "--json", "--admin=unix:a"),
            ("--json", "ends", "--admin", "unix:a", "--limit=5"),
        ):
            options = parse(*arguments)
            self.assertEqual(
                (options.admin, options.json, options.limit, options.token_file),
                ("unix:a", True, 5, None),
            )

    def test_repeated(self):
        """What was given once isn't there the next time."""
        for _ in range(2):
            options = parse("broadcast", "hear", "--keyword", "a=1", "--keyword", "b=[]")
            self.assertEqual(options.keyword, [("a", 1), ("b", [])])
        self.assertEqual(parse("broadcast", "hear").keyword, [])

    def help(self, *arguments: str) -> str:
        out = StringIO()
        self.patch(sys, "stdout", out)
        with self.assertRaises(SystemExit) as caught:
            parse(*arguments, "--help")
        self.assertEqual(caught.exception.code, 0)
        return out.getvalue()

    def test_help(self):
        """It has all commands and exit statuses."""
        text = self.help()
        for command in COMMANDS:
            self.assertRegex(text, rf"(?m)^    {command.name} ")
        for status in ExitStatus:
            self.assertRegex(text, rf"(?m)^ +{status.number}  {status.text}$")

    def test_help_of_commands(self):
        for command in COMMANDS:
            text = self.help(command.name)
            for argument in (*command.arguments, *COMMON):
                self.assertIn(argument.name if argument.is_option else argument.value, text)

    def test_mistyped_option(self):
        """The usage is that of the command, and it's said what may be meant."""
        err = StringIO()
        self.patch(sys, "stderr", err)
        self.assertRaises(SystemExit, parse, "sessions", "--avatr=\x07")
        self.assertIn("usage: pbrealm sessions ", err.getvalue())
        self.assertIn(
            ": unrecognized arguments: --avatr=\\x07: did you mean --avatar?", err.getvalue()
        )

    def test_wrong(self):
        err = StringIO()
        self.patch(sys, "stderr", err)
        for arguments in ((), ("nothing",), ("ends", "--nothing"), ("show",), ("ends", "--lim=1")):
            self.assertEqual(self.assertRaises(SystemExit, parse, *arguments).code, 2, arguments)
