"""
A server at a glance.
"""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from twisted.internet.defer import Deferred

from pbrealm._slices import Slices
from pbrealm.testing import RecordingMind
from tests.admin.admin_case import AdminTestCase


class TopTests(AdminTestCase):
    def wait_for(self, *sizes: int) -> list[int]:
        """Log in clients for which so many kilobytes wait, and return the ids of the sessions."""
        for size in sizes:
            client = self.log_in(mind=RecordingMind())
            client.stop_reading()
            session = self.realm.sessions()[-1]
            for _ in range(size):
                session.notify("hear", "x" * 1000)
        return [session.id for session in self.realm.sessions()]

    def test_empty(self):
        self.assertEqual(
            self.get("/api/top"),
            {"count": 0, "avatars": 0, "away": 0, "waiting_bytes": 0, "sessions": []},
        )

    def test_totals(self):
        for name in ("alice", "alice", "bob"):
            self.log_in(name)
        with patch.object(type(self.realm.sessions()[0]), "away", True):
            view = self.get("/api/top?limit=1")
        self.assertEqual((view["count"], view["avatars"], view["away"]), (3, 2, 3))
        self.assertEqual([each["avatar_id"] for each in view["sessions"]], ["alice"])

    def test_most_waits(self):
        """Those that most waits for come first, and of others the oldest."""
        ids = self.wait_for(200, 0, 300, 200, 0)
        for limit, expected in ((1, [2]), (3, [2, 0, 3]), (5, [2, 0, 3, 1, 4]), (1000, None)):
            view = self.get(f"/api/top?limit={limit}")
            found = [each["id"] for each in view["sessions"]]
            self.assertEqual(found, [ids[number] for number in expected or [2, 0, 3, 1, 4]])
        rows = self.get("/api/sessions")["sessions"]
        self.assertEqual(view["waiting_bytes"], sum(each["waiting_bytes"] for each in rows))
        self.assertGreater(view["waiting_bytes"], 400_000)
        self.assertEqual(sorted(view["sessions"], key=lambda each: each["id"]), rows)

    def test_limit(self):
        for limit in ("0", "1001", "x"):
            self.assertEqual(self.ask("GET", f"/api/top?limit={limit}").status, 400)

    def test_slices(self):
        """Many sessions are looked at with other work in between."""
        pauses: list[Deferred[None]] = []

        def pause(slices: Any) -> Deferred[None]:
            pauses.append(Deferred())
            return pauses[-1]

        for _ in range(5):
            self.log_in()
        connection = self.connect()
        with patch.object(Slices, "pause", pause):
            connection.ask_only("GET", "/api/top")
            self.assertEqual(connection.received(), b"")
            # One ends meanwhile.
            self.realm.sessions()[0].end()
            while pauses:
                pauses.pop().callback(None)
        connection.turn()
        view = connection.response().json
        self.assertEqual((view["count"], len(view["sessions"])), (4, 4))
