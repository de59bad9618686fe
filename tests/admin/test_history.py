"""
The last ends and refusals.
"""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.spread import pb

from pbrealm import Reason
from pbrealm._log_text import log_text
from pbrealm._slices import Slices
from pbrealm.admin import _history
from pbrealm.admin._history import MAX_ENDS, History
from pbrealm.admin._operations import Call
from tests.admin.admin_case import AdminTestCase


class EndTests(AdminTestCase):
    def test_end(self):
        self.log_in()
        (session,) = self.realm.sessions()
        self.clock.advance(12.5)
        session.end(Reason.TOO_SLOW)
        self.assertEqual(
            self.get("/api/ends"),
            {
                "ends": [
                    {
                        "event": "end",
                        "time": "2023-11-14T22:13:32.500Z",
                        "avatar_id": "alice",
                        "peer": "127.0.0.1:50000",
                        "session": session.id,
                        "seconds": 12.5,
                        "why": "too slow",
                        "reason": 6,
                    }
                ],
                "next": None,
            },
        )

    def test_refusal(self):
        client = self.server.connect()
        self.assertRaises(pb.RemoteError, client.login, "al\n<b>", "wrong")
        (row,) = self.get("/api/ends")["ends"]
        self.assertEqual(
            (row["event"], row["avatar_id"], row["peer"], row["session"], row["seconds"]),
            ("refusal", "al\\n<b>", "127.0.0.1:50000", None, None),
        )

    def test_filters(self):
        for name, reason in (
            ("alice", Reason.KICKED),
            ("bob", Reason.KICKED),
            ("alice", Reason.TOO_SLOW),
        ):
            self.log_in(name)
            self.realm.sessions()[0].end(reason)
        for query, expected in (
            ("", [("alice", 6), ("bob", 5), ("alice", 5)]),
            ("?reason=5", [("bob", 5), ("alice", 5)]),
            ("?avatar_id=alice", [("alice", 6), ("alice", 5)]),
            ("?avatar_id=alice&reason=5", [("alice", 5)]),
            ("?reason=4", []),
        ):
            ends = self.get(f"/api/ends{query}")["ends"]
            self.assertEqual([(row["avatar_id"], row["reason"]) for row in ends], expected)

    def test_avatar_id(self):
        """It's as in the list of sessions, and cut if it's long, and is found by what it is."""
        for name, shown in (
            ("al\n<b>\u202e", "al\n<b>\u202e"),
            ("al\\n<b>", "al\\n<b>"),
            ("\n" + "x" * 198, "\n" + "x" * 198),
            ("\n" + "x" * 200, "\\n" + "x" * 198 + "…"),
        ):
            self.add_account(name)
            self.log_in(name)
            self.realm.sessions()[0].end(Reason.KICKED)
            (row,) = self.get(f"/api/ends?avatar_id={quote(name)}")["ends"]
            self.assertEqual(row["avatar_id"], shown)

    def test_refused_name(self):
        """It's escaped, and is found by what it is."""
        client = self.server.connect()
        self.assertRaises(pb.RemoteError, client.login, "al\n<b>", "wrong")
        (row,) = self.get("/api/ends?avatar_id=al%0A<b>")["ends"]
        self.assertEqual(row["avatar_id"], "al\\n<b>")


class HistoryTests(AdminTestCase):
    def page(self, history, **wanted):
        return json.loads(self.successResultOf(self.begin_page(history, **wanted)).body)

    def begin_page(self, history, **wanted):
        (operation,) = history.operations()
        parameters = {"cursor": None, "limit": 1000, "avatar_id": None, "reason": None, **wanted}
        return Deferred.fromCoroutine(operation.handler(Call(parameters, {}, "")))

    def record(self, history, number):
        history.record("end", {"session": number, "reason": 1, "avatar_id": "alice"})

    def test_bounded(self):
        history = History(Clock())
        for number in range(MAX_ENDS + 500):
            self.record(history, number)
        found, cursor = [], None
        while True:
            page = self.page(history, cursor=cursor)
            found += [row["session"] for row in page["ends"]]
            cursor = page["next"]
            if cursor is None:
                break
        self.assertEqual(found, list(range(MAX_ENDS + 499, 499, -1)))

    def test_ends_between_pages(self):
        """What comes between two pages is in neither."""
        history = History(Clock())
        for number in range(4):
            self.record(history, number)
        page = self.page(history, limit=2)
        for number in range(4, 7):
            self.record(history, number)
        rest = self.page(history, cursor=page["next"])
        self.assertEqual([row["session"] for row in page["ends"] + rest["ends"]], [3, 2, 1, 0])

    def test_others(self):
        history = History(Clock())
        history.record("login", {"session": 1})
        self.assertEqual(self.page(history)["ends"], [])

    def test_slices(self):
        """A long history is searched with other work in between, and more ends meanwhile."""
        pauses: list[Deferred[None]] = []

        def pause(self: Any) -> Deferred[None]:
            pauses.append(Deferred())
            return pauses[-1]

        history = History(Clock())
        for number in range(MAX_ENDS):
            self.record(history, number)
        self.patch(Slices, "pause", pause)
        reply = self.begin_page(history, avatar_id="bob")
        resumed = 0
        while resumed < len(pauses):
            self.assertNoResult(reply)
            self.record(history, MAX_ENDS + resumed)
            pauses[resumed].callback(None)
            resumed += 1
        self.assertGreater(resumed, 10)
        self.assertEqual(json.loads(self.successResultOf(reply).body)["ends"], [])

    def test_escaped_once(self):
        """An avatar id that is searched for is escaped once, however many ends there are."""
        history = History(Clock())
        for number in range(100):
            self.record(history, number)
        with patch.object(_history, "log_text", wraps=log_text) as escaped:
            self.page(history, avatar_id="\x00" * 200)
        self.assertEqual(escaped.call_count, 1)
