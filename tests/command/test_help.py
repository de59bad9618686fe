"""
The help.
"""

import os

from twisted.trial.unittest import SynchronousTestCase

from pbrealm._command.help import GROUPS
from pbrealm._command.options import Options


class HelpTests(SynchronousTestCase):
    def test_groups(self):
        """Each option is in one group, and is described under its heading."""
        known = {name.strip("=") for name in Options().longOpt}
        grouped = [name for names in GROUPS.values() for name in names]
        self.assertEqual(set(grouped), known)
        self.assertEqual(len(grouped), len(known))
        sections = iter(str(Options()).split("\n\n"))
        self.assertRegex(next(sections), "^Usage: ")
        self.assertRegex(next(sections), "^Serves avatars over Perspective Broker")
        for (heading, names), section in zip(GROUPS.items(), sections, strict=True):
            self.assertTrue(section.startswith(f"{heading}:\n"), section)
            for name in names:
                self.assertRegex(section, rf"\n  (-\w, )?--{name}(=|  ) *\n? {{2,}}[A-Z]")

    def test_entry(self):
        self.assertIn("\n  -l, --listen=       Endpoint string of where to listen", str(Options()))
        self.assertIn("\n  --demo              Serve the built-in", str(Options()))

    def test_width(self):
        """It's that of the terminal, but not less than can be read."""
        for columns, widest in (("120", 120), ("72", 72), ("10", 50)):
            self.patch(os, "environ", {"COLUMNS": columns})
            lines = str(Options()).splitlines()
            self.assertLessEqual(max(map(len, lines)), widest)
            self.assertGreater(max(map(len, lines)), widest - 12)

    def test_names_are_whole(self):
        """No option's name is broken at a hyphen."""
        for width in range(50, 100):
            self.assertNotRegex(Options().getUsage(width), r"[a-z]-\n")
