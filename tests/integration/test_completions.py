"""
The completions of the command C{pbrealm}, in real shells.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest

from pbrealm._admin_command.commands import COMMANDS, COMMON
from pbrealm._admin_command.completion import script
from tests.integration.processes import Process, ProcessTestCase

NAMES = {command.name for command in COMMANDS}

# What bash passes to the function for a line: it splits words at equals signs and colons.
BASH = r"""
source ./completions
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_pbrealm
printf '%s\n' "${COMPREPLY[@]}"
"""

FISH = r"""
source ./completions
complete -C $argv[1] | string split --fields 1 \t
true
"""

# An interactive shell in a terminal of its own.
ZSH = r"""
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'autoload -Uz compinit; compinit -u -D; source ./completions; PROMPT="DONE""> "'
zpty -r shell line '*DONE> *'
zpty -w -n shell "$1"$'\t#END'
zpty -r shell line '*#END*'
print -r -- "$line"
"""


class CompletionCase(ProcessTestCase):
    """
    A shell with the completions.
    """

    shell: str
    code: str

    def setUp(self) -> None:
        if shutil.which(self.shell) is None:
            raise SkipTest(f"{self.shell} is not installed")
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.write("completions", script(self.shell, COMMANDS, COMMON))
        self.write("token file", "")
        self.write("code", self.code)

    def write(self, name: str, text: str) -> None:
        Path(self.directory, name).write_text(text, "utf-8")

    async def complete(self, *arguments: str) -> str:
        """Run the shell, and return what it has written."""
        environment = {"HOME": self.directory, "TERM": "xterm", "ZDOTDIR": self.directory}
        command = [shutil.which(self.shell), "code", *arguments]
        process = self.stop_after_test(Process(command, self.directory, environment))
        self.assertEqual((await process.wait(), process.err), (0, ""), process.out)
        return process.out


class BashTests(CompletionCase):
    shell = "bash"
    code = BASH

    async def test_completions(self):
        common: Any = {"--admin", "--token-file", "--json", "--help"}
        for words, found in (
            ([""], {*NAMES, *common, "--version"}),
            (["se"], {"sessions", "settings"}),
            (["--admin", "unix", ":", "kick", "show", "--"], common),
            (["--admin", "=", "show", ":", "kick", ""], {*NAMES, *common, "--version"}),
            (["--admin", "unix"], set()),
            (["kick", "--re"], {"--reconnect"}),
            (["kick", "--text", "se"], set()),
            (["--json", "ends", "--r"], {"--reason"}),
            (["completion", "b"], {"bash"}),
            (
                ["settings", "limits.conn"],
                {"limits.connections=", "limits.connections_per_address="},
            ),
            (["settings", "sessions.on_full", "="], set()),
            (["settings", "sessions.on_full", "=", "l"], set()),
            (["--token-file", "to"], {"token file"}),
            (["--token-file", "=", "to"], {"token file"}),
            (["ends", "--token-file", "="], {"token file", "completions", "code"}),
        ):
            written = await self.complete("pbrealm", *words)
            self.assertEqual(set(written.splitlines()) - {""}, found, words)


class FishTests(CompletionCase):
    shell = "fish"
    code = FISH

    async def test_completions(self):
        for line, found in (
            ("", NAMES),
            ("se", {"sessions", "settings"}),
            ("kick --re", {"--reconnect"}),
            ("kick --text ", set()),
            ("--admin unix:x ends --r", {"--reason"}),
            ("completion b", {"bash"}),
            (
                "settings limits.conn",
                {"limits.connections=", "limits.connections_per_address="},
            ),
            ("--token-file to", {"token file"}),
        ):
            written = await self.complete(f"pbrealm {line}")
            self.assertEqual(set(written.replace("\\ ", " ").splitlines()), found, line)


class ZshTests(CompletionCase):
    shell = "zsh"
    code = ZSH

    async def test_completions(self):
        for line, shown in (
            ("", NAMES),
            ("se", {"sessions  -- List the sessions.", "settings  -- Show the settings"}),
            ("ki", {"pbrealm kick "}),
            ("kick --re", {"--reconnect  -- ask the client to come back"}),
            ("--admin unix:x ends --l", {" ends --limit "}),
            ("completion b", {"pbrealm completion bash "}),
            ("settings limits.connections_", {"limits.connections_per_address=#END"}),
            ("settings limits.conn", {"settings limits.connections#END"}),
            ("--token-file to", {"pbrealm --token-file token\\ file "}),
        ):
            written = await self.complete(f"pbrealm {line}")
            text = re.sub(r"\x1b(\[[0-9;?]*[a-zA-Z]|=|>)", "", written)
            for each in shown:
                self.assertIn(each, text)
