"""
Draining, and whether the server is well.
"""

from __future__ import annotations

from typing import Any

from pbrealm.testing import RecordingMind
from tests.admin.admin_case import AdminTestCase
from tests.logs import log_entries


class DrainTests(AdminTestCase):
    def test_not_begun(self):
        self.assertEqual(
            self.get("/api/drain"),
            {"state": "serving", "total": None, "left": None, "seconds": None},
        )

    def test_drain(self):
        entries = log_entries(self)
        minds = [RecordingMind() for _ in range(4)]
        for mind in minds:
            self.log_in("alice", mind)
        response = self.ask("POST", "/api/drain", {"seconds": 10, "text": "come back"})
        begun = {"state": "draining", "total": 4, "left": 4, "seconds": 10}
        self.assertEqual((response.status, response.json), (202, begun))
        self.server.advance(5.1)
        self.assertEqual(self.get("/api/drain")["left"], 2)
        self.assertEqual(minds[0].calls, [("goodbye", (8, "come back", True))])
        self.assertEqual(self.drained, [])
        for _ in range(20):
            self.server.advance(1)
        self.assertEqual(
            self.get("/api/drain"),
            {"state": "drained", "total": 4, "left": 0, "seconds": 10},
        )
        self.assertEqual(self.drained, [True])
        (entry,) = [entry for entry in entries if "drain from" in entry]
        self.assertIn(": 4 sessions over 10 s, with the text: come back", entry)

    def test_twice(self):
        self.log_in()
        self.ask("POST", "/api/drain", {"seconds": 10})
        response = self.ask("POST", "/api/drain", {"seconds": 20})
        self.assertEqual(
            (response.status, response.json["detail"]),
            (
                409,
                "the server is being drained already, which can't be changed: see pbrealm top, or "
                "GET /api/drain",
            ),
        )

    def test_closed(self):
        factory: Any = self.server.factory
        factory.close()
        response = self.ask("POST", "/api/drain", {"seconds": 10})
        self.assertEqual((response.status, response.json["detail"]), (409, "the server is closed"))

    def test_not_by_mistake(self):
        """It's final, so nobody begins one without saying how."""
        self.log_in()
        for body in ({}, {"text": "come back"}):
            response = self.ask("POST", "/api/drain", body)
            self.assertEqual(
                (response.status, response.json["detail"]), (422, "the body must have seconds")
            )
        self.assertEqual(self.get("/api/drain")["state"], "serving")

    def test_wrong(self):
        for body in ({"seconds": -1}, {"seconds": "1"}, {"seconds": None}, {"text": 1}, {"a": 1}):
            wrong: dict[str, object] = {"seconds": 10, **body}
            self.assertEqual(self.ask("POST", "/api/drain", wrong).status, 422, wrong)
        self.assertEqual(self.get("/api/drain")["state"], "serving")

    def test_settings(self):
        self.ask("POST", "/api/drain", {"seconds": 10})
        self.assertTrue(self.get("/api/settings")["draining"])


class HealthTests(AdminTestCase):
    def test_health(self):
        self.assertEqual(self.get("/healthz"), {"status": "ok"})

    def test_ready(self):
        self.assertEqual(self.ask("GET", "/readyz").status, 503)
        self.log_in()
        self.assertEqual(self.get("/readyz"), {"status": "ready"})
        self.ask("POST", "/api/drain", {"seconds": 10})
        self.assertEqual(self.ask("GET", "/readyz").status, 503)
        self.assertEqual(self.ask("GET", "/healthz").status, 200)
