"""
The documentation of the command names the options that there are.
"""

import re
from dataclasses import fields
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pbrealm import Backlog, Limits
from pbrealm._command.endpoints import DEFAULT_ENDPOINT
from pbrealm._command.limit_options import option_name
from pbrealm._command.options import Options

COMMAND = Path(__file__).parents[2].joinpath("docs", "command.md").read_text(encoding="utf-8")
TWISTED_S_OWN = {"help", "help-auth", "help-auth-type", "version"}


class CommandDocumentTests(SynchronousTestCase):
    def test_options(self):
        """The table has each option but those of the limits, which the README has."""
        documented = re.findall(r"^\| (?:`-l`, )?`--([\w-]+)", COMMAND, re.MULTILINE)
        limits = {option_name(field.name) for kind in (Limits, Backlog) for field in fields(kind)}
        known = {name.strip("=") for name in Options().longOpt}
        self.assertEqual(set(documented), known - limits - TWISTED_S_OWN)
        self.assertEqual(len(documented), len(set(documented)))

    def test_default_endpoint(self):
        """The default is the same in the document and in the help."""
        self.assertIn(f"`{DEFAULT_ENDPOINT}`", COMMAND)
        self.assertIn(
            f"[default: {DEFAULT_ENDPOINT}]", " ".join((Options.opt_listen.__doc__ or "").split())
        )
