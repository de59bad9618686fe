"""
Draining a server.
"""

from __future__ import annotations

import json
from types import SimpleNamespace

from twisted.internet.error import ConnectError

from pbrealm.testing import RecordingMind
from tests.admin_command.command_case import CommandTestCase


class DrainTests(CommandTestCase):
    def test_lines(self):
        mind = RecordingMind()
        for _ in range(2):
            self.log_in("alice", mind)
        run = self.start("drain", "--seconds", "4", "--text", "come back")
        self.assertEqual(run.out, "draining: 2 of 2 sessions left\n")
        run.settle(30)
        self.assertEqual(run.status, 0)
        self.assertEqual(
            run.out.splitlines(),
            [
                "draining: 2 of 2 sessions left",
                "draining: 1 of 2 sessions left",
                "drained: 0 of 2 sessions left",
            ],
        )
        self.assertEqual(mind.goodbyes()[0], (8, "come back", True))
        self.assertEqual(self.drained, [True])

    def test_bar(self):
        for _ in range(2):
            self.log_in("alice")
        run = self.start("drain", "--seconds", "4", size=(80, 24))
        run.settle(30)
        parts = run.out.split("\r\x1b[K")
        self.assertEqual(
            [parts[0], parts[1], parts[-1]],
            [
                "",
                f"[{'.' * 30}] draining: 2 of 2 sessions left",
                f"[{'#' * 30}] drained: 0 of 2 sessions left\n",
            ],
        )

    def test_narrow_terminal(self):
        self.log_in("alice")
        run = self.start("drain", "--seconds", "4", size=(30, 24))
        run.settle(30)
        parts = run.out.split("\r\x1b[K")
        self.assertEqual({len(part.rstrip("\n")) for part in parts}, {0, 29})

    def test_json(self):
        self.log_in("alice")
        run = self.start("drain", "--seconds", "1", "--json")
        run.settle(30)
        steps = [json.loads(line) for line in run.out.splitlines()]
        self.assertEqual(steps[0]["total"], 1)
        self.assertEqual(steps[-1], {"state": "drained", "total": 1, "left": 0, "seconds": 1})

    def test_nobody(self):
        self.assertEqual(
            self.command("drain", "--seconds", "10"), "drained: 0 of 0 sessions left\n"
        )

    def test_twice(self):
        self.log_in("alice")
        self.start("drain", "--seconds", "100")
        said = self.command("drain", "--seconds", "5", size=(80, 24), status=1)
        self.assertEqual(
            said,
            "pbrealm: the server is being drained already, which can't be changed: see pbrealm "
            "top, or GET /api/drain\n",
        )

    def test_server_stops(self):
        """It stops as soon as it's drained, and can't be asked again."""
        self.log_in("alice")
        stops: list[bool] = []

        def stop(drained: bool) -> None:
            stops.append(drained)
            self.connections.failure = ConnectError(111, "refused")
            self.service.stopService()

        self.drained = SimpleNamespace(append=stop)  # type: ignore[assignment]
        run = self.start("drain", "--seconds", "1.2")
        run.settle(10)
        self.assertEqual((run.status, run.err, stops), (0, "", [True]))
        self.assertEqual(run.out, "draining: 1 of 1 session left\ndrained: 0 of 1 session left\n")

    def test_server_lost(self):
        """It was killed."""
        self.log_in("alice")
        self.log_in("alice")
        run = self.start("drain", "--seconds", "100")
        self.connections.failure = ConnectError(111, "refused")
        self.connections.lose()
        run.settle(10)
        self.assertEqual(run.status, 3)
        self.assertEqual(
            run.err,
            "pbrealm: unix:admin.sock can't be reached: refused; 2 of 2 sessions left\n",
        )

    def test_usage(self):
        self.assertIn("--seconds", self.reject("drain"))
        self.assertIn("0 or more", self.reject("drain", "--seconds", "-1"))
