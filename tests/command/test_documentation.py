"""
The documentation of the command names the options that there are.
"""

import re
from dataclasses import fields
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pbrealm import Backlog, Limits
from pbrealm._admin_command.commands import COMMANDS, COMMON
from pbrealm._command.endpoints import DEFAULT_ENDPOINT
from pbrealm._command.help import GROUPS
from pbrealm._command.limit_options import option_name
from pbrealm._command.options import Options

ROOT = Path(__file__).parents[2]
COMMAND = ROOT.joinpath("docs", "command.md").read_text(encoding="utf-8")
TWISTED_S_OWN = {"help", "help-auth", "help-auth-type", "version"}

# Options of twistd, twist, jq, curl and podman.
OTHERS = {
    *("pidfile", "log-format", "seq", "unix-socket"),
    *("format", "tag", "detach", "name", "publish", "secret", "volume", "ulimit"),
    *("stop-timeout", "cap-drop", "security-opt"),
}

# Those of the command pbrealm.
OF_ADMIN_COMMAND = {
    argument.name.removeprefix("--")
    for argument in (*COMMON, *(each for command in COMMANDS for each in command.arguments))
    if argument.is_option
}


class CommandDocumentTests(SynchronousTestCase):
    def test_options(self):
        """The table has each option but those of the limits, in the order of the help."""
        documented = re.findall(r"^\| (?:`-l`, )?`--([\w-]+)", COMMAND, re.MULTILINE)
        limits = {option_name(field.name) for kind in (Limits, Backlog) for field in fields(kind)}
        known = {name.strip("=") for name in Options().longOpt}
        self.assertEqual(set(documented), known - limits - TWISTED_S_OWN)
        self.assertEqual(len(documented), len(set(documented)))
        in_help = [name for names in GROUPS.values() for name in names if name in documented]
        self.assertEqual(documented, in_help)

    def test_options_of_other_documents(self):
        """Whatever a document writes as an option of the command is one."""
        known = {name.strip("=") for name in Options().longOpt}
        for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
            code = re.findall(r"`[^`]+`|^.*pbrealm --.*$", path.read_text("utf-8"), re.MULTILINE)
            for command in code:
                # What comes before the name are options of twistd and twist.
                *_, arguments = command.partition("pbrealm --" if "pbrealm --" in command else "`")
                written = set(re.findall(r"--([a-z][a-z-]+)", arguments))
                self.assertEqual(
                    written - known - OTHERS - OF_ADMIN_COMMAND, set(), f"{path.name}: {command}"
                )

    def test_default_endpoint(self):
        """The default is the same in the document and in the help."""
        self.assertIn(f"`{DEFAULT_ENDPOINT}`", COMMAND)
        self.assertIn(
            f"[default: {DEFAULT_ENDPOINT}]", " ".join((Options.opt_listen.__doc__ or "").split())
        )
