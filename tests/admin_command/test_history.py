"""
What was, and what happens.
"""

from __future__ import annotations

import json

from twisted.spread import pb

from pbrealm._admin_command.client import SILENT_SECONDS
from pbrealm._admin_command.history import _line
from tests.admin_command.command_case import CommandTestCase


class EndsTests(CommandTestCase):
    def setUp(self):
        super().setUp()
        self.log_in("alice").drop()
        self.clock.advance(5)
        client = self.log_in("bob")
        self.clock.advance(60)
        client.drop()

    def test_table(self):
        lines = self.command("ends").splitlines()
        self.assertEqual(
            lines[0].split("  ")[0:2] + lines[0].split()[-4:],
            ["TIME (UTC)", "", "AVATAR", "PEER", "LASTED", "WHY"],
        )
        self.assertRegex(
            lines[1],
            r"^2023-11-14 22:14:25  end +\d+  bob +127\.0\.0\.1:\d+  1 min 0 s  "
            r"disconnected \(2\)$",
        )
        self.assertEqual(len(lines), 3)

    def test_fitted(self):
        lines = self.command("ends", size=(75, 24)).splitlines()
        self.assertEqual({len(line) for line in lines[1:]}, {75})
        self.assertTrue(lines[1].endswith("…"))

    def test_filters(self):
        for arguments, names in (
            ((), ["bob", "alice"]),
            (("--avatar", "alice"), ["alice"]),
            (("--reason", "2"), ["bob", "alice"]),
            (("--reason", "disconnected"), ["bob", "alice"]),
            (("--reason", "5"), []),
            (("--reason", "kicked"), []),
            (("--limit", "1"), ["bob"]),
        ):
            found = self.document("ends", *arguments)
            self.assertEqual([each["avatar_id"] for each in found], names)

    def test_refusal(self):
        """The number of the reason is there once."""
        client = self.server.connect()
        self.assertRaises(pb.RemoteError, client.login, "alice", "wrong")
        line = self.command("ends").splitlines()[1]
        self.assertEqual(line.count("4)"), 1, line)

    def test_no_reason(self):
        for given in ("99", "0", "no"):
            said = self.reject("ends", "--reason", given)
            self.assertIn("logged-out, disconnected, replaced", " ".join(said.split()))


class EventsTests(CommandTestCase):
    def test_lines(self):
        run = self.start("events")
        self.assertEqual(run.out.split(), ["hello", "sessions:", "0"])
        self.log_in("<script>")
        run.settle()
        self.assertRegex(
            run.out.splitlines()[1],
            r"^2023-11-14 22:13:20  login +avatar id: <script>  peer: \S+  session: \d+$",
        )
        self.assertIsNone(run.status)

    def test_ids(self):
        """They are written as they are typed; other numbers are for people."""
        line = _line("end", {"session": 29719, "other": None, "seconds": 29719})
        self.assertIn("session: 29719  other: none  seconds: 29,719", line)

    def test_fitted(self):
        run = self.start("events", size=(40, 24))
        self.log_in("alice")
        run.settle()
        self.assertEqual([len(line) for line in run.out.splitlines()], [40, 40])

    def test_json(self):
        run = self.start("events", "--json")
        self.log_in("alice")
        run.settle()
        events = [json.loads(line) for line in run.out.splitlines()]
        self.assertEqual([each["event"] for each in events], ["hello", "login"])
        self.assertEqual(events[1]["avatar_id"], "alice")

    def test_server_stops(self):
        run = self.start("events")
        self.service.stopService()
        run.settle()
        self.assertEqual(run.status, 3)
        self.assertEqual(run.err, "pbrealm: unix:admin.sock has ended the stream\n")

    def test_connection_lost(self):
        run = self.start("events")
        self.connections.lose()
        run.settle()
        self.assertEqual(run.status, 3)
        self.assertIn("unix:admin.sock", run.err)

    def test_silent_server(self):
        """Its comments are missed when the network is cut, and a quiet server isn't lost."""
        run = self.start("events")
        run.settle(5 * SILENT_SECONDS, step=1)
        self.assertIsNone(run.status)
        self.connections.pumps.clear()
        run.settle(SILENT_SECONDS, step=1)
        self.assertEqual(run.status, 3)
        self.assertEqual(run.err, "pbrealm: unix:admin.sock was silent for 60 s\n")

    def test_too_slow(self):
        run = self.start("events")
        self.service._api._events.publish("dropped", {})
        run.settle()
        self.assertEqual(run.status, 1)
        self.assertIn("too slow", run.err)

    def test_too_many(self):
        """The problem of the server is told."""
        for _ in range(50):
            self.start("events")
        self.assertIn("50 readers", self.command("events", status=1))
