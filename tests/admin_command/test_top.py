"""
How the server does, at a glance.
"""

from __future__ import annotations

import sys
from io import StringIO
from typing import Any
from unittest.mock import patch

from treq.client import HTTPClient
from twisted.internet.error import ConnectError
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._admin_command.top import per_second, render
from pbrealm.testing import RecordingMind
from tests.admin_command.command_case import CommandTestCase

VIEW: dict[str, Any] = {
    "server": "unix:\x1b.sock",
    "time": "2026-01-02T03:04:05.678Z",
    "state": "serving",
    "left": None,
    "count": 30,
    "avatars": 1,
    "away": 2,
    "waiting_bytes": 30_000,
    "per_second": {"logins": 12.5, "refusals": 0, "ends: kicked": 1 / 3},
    "sessions": [
        {
            "id": number,
            "avatar_id": "alice",
            "peer": "127.0.0.1:1",
            "since": "2026-01-02T03:04:00.678Z",
            "seconds": 5,
            "away": False,
            "waiting_bytes": 1000,
        }
        for number in range(1, 31)
    ],
}


class RenderTests(SynchronousTestCase):
    def test_head(self):
        lines = list(render(VIEW, None, None))
        self.assertEqual(
            lines[:4],
            [
                "unix:\\x1b.sock  03:04:05 UTC  serving",
                "30 sessions of 1 avatar id, 2 away, 30 KB waiting",
                "per second: logins 12.5, refusals 0, ends: kicked 0.333",
                "",
            ],
        )
        self.assertEqual(len(lines), 4 + 1 + 20)

    def test_terminal(self):
        """It's filled, but for its last line."""
        for lines, columns in ((24, 80), (10, 30), (6, 20), (200, 200)):
            rendered = list(render(VIEW, columns, lines))
            self.assertEqual(len(rendered), min(lines - 1, 4 + 1 + 30))
            self.assertLessEqual(max(map(len, rendered)), columns)

    def test_tiny_terminal(self):
        self.assertEqual(len(list(render(VIEW, 20, 2))), 1)

    def test_draining(self):
        lines = render({**VIEW, "state": "draining", "left": 1200}, None, None)
        self.assertEqual(next(iter(lines)).split("UTC  ")[1], "draining, 1,200 left")


class RateTests(SynchronousTestCase):
    def test_steps(self):
        """The last six count, or as many as there are."""
        for steps, logins in ((0, 0), (1, 0), (2, 0.05), (6, 0.25), (360, 35.65)):
            rates = {
                "step": 10,
                "times": ["2026-01-02T03:04:00.000Z"] * steps,
                "logins": list(range(steps)),
                "refusals": [0] * steps,
                "ends": {"kicked": [1] * steps},
            }
            self.assertEqual(
                per_second(rates),
                {"logins": logins, "refusals": 0, "ends: kicked": 0.1 if steps else 0},
            )


class TopTests(CommandTestCase):
    def test_once(self):
        self.log_in("alice")
        self.log_in("alice")
        self.log_in("bob")
        self.command("kick", "--avatar", "bob")
        self.clock.advance(20)
        view = self.document("top")
        self.assertEqual(
            {name: view[name] for name in ("count", "avatars", "away", "state")},
            {"count": 2, "avatars": 1, "away": 0, "state": "serving"},
        )
        self.assertEqual(view["per_second"], {"logins": 0.15, "refusals": 0, "ends: kicked": 0.05})
        self.assertIn("\n2 sessions of 1 avatar id, 0 away, 0 B waiting\n", self.command("top"))

    def test_most_waits(self):
        """Those that most waits for come first."""
        for _ in range(3):
            self.log_in("alice", RecordingMind())
        sessions = self.realm.sessions()
        for client, session, size in zip(
            self.server.clients, sessions, (1000, 0, 5000), strict=True
        ):
            client.stop_reading()
            for _ in range(200):
                session.notify("hear", "x" * size)
        found = self.document("top")["sessions"]
        self.assertEqual(
            [each["id"] for each in found], [sessions[number].id for number in (2, 0, 1)]
        )

    def test_asks_for_what_it_shows(self):
        """A few things, with as many sessions as there is room for."""
        for _ in range(4):
            self.log_in("alice")
            self.log_in("bob")
        self.patch(sys, "stdin", StringIO())
        for size, limit in ((None, 20), ((80, 10), 4), ((80, 3), 1), ((80, 9999), 1000)):
            request = HTTPClient.request
            with patch.object(HTTPClient, "request", autospec=True, side_effect=request) as asked:
                run = self.start("top", size=size)
            self.assertEqual(
                [(call.args[2].path[-1], call.kwargs["params"]) for call in asked.mock_calls],
                [("rates", {}), ("drain", {}), ("top", {"limit": limit})],
            )
            self.assertIn("8 sessions of 2 avatar ids", run.out)
            run.running.addErrback(lambda _: None)
            run.running.cancel()

    def test_screen(self):
        """It shows what is new, until it's ended, and leaves the terminal as it was."""
        self.patch(sys, "stdin", StringIO())
        run = self.start("top", size=(80, 24))
        self.assertTrue(run.out.startswith("\x1b[?1049h\x1b[?25l\x1b[H"))
        self.assertIn("0 sessions of 0 avatar ids", run.out)
        self.log_in("alice")
        run.settle(1)
        self.assertNotIn("1 session of 1 avatar id", run.out)
        run.settle(2)
        self.assertIn("1 session of 1 avatar id", run.out)
        run.running.addErrback(lambda _: None)
        run.running.cancel()
        self.assertTrue(run.out.endswith("\x1b[?25h\x1b[?1049l"))

    def test_server_stops(self):
        self.patch(sys, "stdin", StringIO())
        run = self.start("top", size=(80, 24))
        self.connections.failure = ConnectError(2, "gone")
        self.connections.lose()
        run.settle(5)
        self.assertEqual(run.status, 3)
        self.assertTrue(run.out.endswith("\x1b[?25h\x1b[?1049l"))
