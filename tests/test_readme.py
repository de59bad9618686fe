"""
What the README says is so.
"""

import re
from dataclasses import fields
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import pbrealm
import pbrealm.admin
import pbrealm.client
import pbrealm.store
from pbrealm import Backlog, Limits, Reason, SlowClientPolicy
from pbrealm._limit_fields import description_of
from pbrealm.testing import MemoryServer
from tests.documents import run_block

README = Path(__file__).parent.parent.joinpath("README.md").read_text(encoding="utf-8")


class ReadmeTests(SynchronousTestCase):
    def table(self, heading):
        """The rows below a heading row that begins like this, without the line below it."""
        lines = README.splitlines()
        start = next(at for at, line in enumerate(lines) if line.startswith(f"| {heading} |"))
        rows = []
        for line in lines[start + 2 :]:
            if not line.startswith("|"):
                break
            rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
        return rows

    def test_limits(self):
        """Each limit is in its table, with its default and its description."""
        for limits in (Limits(), Backlog()):
            stated = [
                (name.strip("`"), default.replace(",", "").strip("`"), description)
                for name, default, description in self.table(f"`{type(limits).__name__}`")
            ]
            self.assertEqual(
                stated,
                [
                    (field.name, str(field.default), description_of(field))
                    for field in fields(limits)
                ],
            )

    def test_slow_client_policies(self):
        """Each policy for slow clients is in its table."""
        stated = [
            (policy.strip("`"), option.strip("`").replace("-", " "))
            for policy, option, _ in self.table("`when_slow=`")
        ]
        self.assertEqual(stated, [(str(policy), policy.value) for policy in SlowClientPolicy])

    def test_reasons(self):
        """The reasons are stated with their numbers, and whether to come back."""
        stated = {int(row[0]): tuple(row[1:]) for row in self.table("number")}
        self.assertEqual(
            stated, {r.number: (r.text, "yes" if r.reconnect else "no") for r in Reason}
        )

    def test_server(self):
        """The server of the README is one."""
        names = run_block("README.md", "service.Application(")
        server = MemoryServer(names["realm"], {"alice": "secret"})
        alice = server.connect()
        self.assertEqual(alice.call(alice.login("alice", "secret"), "greet"), "hello alice")

    def test_names(self):
        """Each name of the library that the README writes as code can be imported."""
        written = set(re.findall(r"`([A-Z][A-Za-z]+)(?:\(|`)", README))
        others = {"IPerspective", "IRealm", "Clock"}
        modules = (pbrealm, pbrealm.admin, pbrealm.client, pbrealm.store)
        known = {name for module in modules for name in module.__all__}
        self.assertEqual(written - others - known, set())
