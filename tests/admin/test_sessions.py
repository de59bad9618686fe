"""
Listing, showing and kicking sessions.
"""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from twisted.internet.defer import Deferred
from zope.interface import implementer

from pbrealm import CachingRealm, IClientAware, MindTrackingRealm, Reason
from pbrealm._slices import Slices
from pbrealm.testing import RecordingMind
from tests.admin.admin_case import AdminTestCase, Player
from tests.logs import log_entries


class ListTests(AdminTestCase):
    def ids(self, query: str = "") -> list[int]:
        return [row["id"] for row in self.get(f"/api/sessions{query}")["sessions"]]

    def test_none(self):
        self.assertEqual(self.get("/api/sessions"), {"sessions": [], "next": None})

    def test_row(self):
        self.log_in()
        self.clock.advance(12.3456)
        (session,) = self.realm.sessions()
        self.assertEqual(
            self.get("/api/sessions"),
            {
                "sessions": [
                    {
                        "id": session.id,
                        "avatar_id": "alice",
                        "peer": "127.0.0.1:50000",
                        "since": "2023-11-14T22:13:20.000Z",
                        "seconds": 12.346,
                        "away": False,
                        "waiting_bytes": 0,
                    }
                ],
                "next": None,
            },
        )

    def test_filters(self):
        for name in ("alice", "bob", "alice"):
            self.log_in(name)
            self.clock.advance(10)
        first, second, third = (session.id for session in self.realm.sessions())
        for query, expected in (
            ("?avatar_id=alice", [first, third]),
            ("?avatar_id=ali", []),
            ("?peer=127.0.0.1:50001", [second]),
            ("?peer=127.0.0.", [first, second, third]),
            ("?peer=10.", []),
            ("?min_seconds=20", [first, second]),
            ("?max_seconds=20", [second, third]),
            ("?min_seconds=15&max_seconds=25.5&avatar_id=bob", [second]),
        ):
            self.assertEqual(self.ids(query), expected, query)

    def test_pages(self):
        for _ in range(5):
            self.log_in()
        expected = [session.id for session in self.realm.sessions()]
        ids, query = [], ""
        for size in (2, 2, 1):
            page = self.get(f"/api/sessions?limit=2{query}")
            self.assertEqual(len(page["sessions"]), size)
            ids += [row["id"] for row in page["sessions"]]
            query = f"&cursor={page['next']}"
        self.assertEqual((ids, page["next"]), (expected, None))

    def test_page_after_an_end(self):
        """A session is neither left out nor there twice because others end meanwhile."""
        for _ in range(4):
            self.log_in()
        sessions = self.realm.sessions()
        page = self.get("/api/sessions?limit=2")
        sessions[0].end()
        sessions[1].end()
        self.assertEqual(
            self.ids(f"?cursor={page['next']}"), [session.id for session in sessions[2:]]
        )

    def test_wrong_cursors(self):
        for cursor in ("x", "%00", "AAAA", "bnVsbA==", "IngiCg==", "W10="):
            for path in ("sessions", "ends"):
                response = self.ask("GET", f"/api/{path}?cursor={cursor}")
                self.assertEqual(response.status, 400, cursor)
        self.assertEqual(self.ask("GET", "/api/avatars?cursor=MQ==").status, 400)

    def test_slices(self):
        """A long list is made with other work in between."""
        pauses: list[Deferred[None]] = []

        def pause(self: Any) -> Deferred[None]:
            pauses.append(Deferred())
            return pauses[-1]

        for _ in range(4):
            self.log_in()
        self.patch(Slices, "pause", pause)
        connection = self.connect()
        connection.ask_only("GET", "/api/sessions")
        self.assertEqual(connection.received(), b"")
        # One ends meanwhile.
        self.realm.sessions()[0].end()
        pauses[0].callback(None)
        connection.turn()
        self.assertEqual(len(connection.response().json["sessions"]), 3)

    def test_without_order(self):
        """Sessions open in another order than that of their ids, and are listed by these."""
        for name in ("alice", "bob"):
            self.log_in(name)
        sessions = self.realm.sessions()
        with patch.object(self.realm, "sessions", lambda avatar_id=None: sessions[::-1]):
            self.assertEqual(self.ids(), [session.id for session in sessions])


class ShowTests(AdminTestCase):
    def test_details(self):
        self.log_in()
        (session,) = self.realm.sessions()
        details = self.get(f"/api/sessions/{session.id}")
        self.assertEqual(details["avatar_id"], "alice")
        stats = details["stats"]
        self.assertGreater(stats["bytes_received"], 50)
        self.assertGreater(stats["bytes_sent"], 50)
        self.assertEqual(stats["unanswered"], 0)

    def test_no_session(self):
        for number in ("0", "999999999", "x", "9" * 30):
            self.assertEqual(self.ask("GET", f"/api/sessions/{number}").status, 404)


class EndTests(AdminTestCase):
    def test_kick(self):
        mind = RecordingMind()
        entries = log_entries(self)
        self.log_in(mind=mind)
        (session,) = self.realm.sessions()
        connection = self.connect()
        connection.ask_only("DELETE", f"/api/sessions/{session.id}", {"text": "go\n<b>"})
        self.server.flush()
        self.assertEqual(connection.response().json, {"ended": 1})
        self.assertEqual(session.ended, Reason.KICKED)
        self.assertEqual(mind.calls, [("goodbye", (5, "go\n<b>", False))])
        (line,) = [entry for entry in entries if "kick from" in entry]
        self.assertIn(
            f"kick from 127.0.0.1:4444: session {session.id} of alice from 127.0.0.1:50000: "
            "kicked, with the text: go\\n<b>",
            line,
        )

    def test_reconnect(self):
        mind = RecordingMind()
        self.log_in(mind=mind)
        (session,) = self.realm.sessions()
        self.ask_and_flush("DELETE", f"/api/sessions/{session.id}", {"reconnect": True})
        self.assertEqual(mind.calls, [("goodbye", (10, "asked to reconnect", True))])

    def ask_and_flush(self, method: str, path: str, body: object = None) -> Any:
        connection = self.connect()
        connection.ask_only(method, path, body)
        self.server.flush()
        response = connection.response()
        self.check_described(method, path, response)
        return response

    def test_all_of_an_avatar_id(self):
        entries = log_entries(self)
        for name in ("alice", "alice", "bob", "a/b", "<script>"):
            self.log_in(name)
        for name, count in (("alice", 2), ("a%2Fb", 1), ("%3Cscript%3E", 1)):
            response = self.ask_and_flush("POST", f"/api/avatars/{name}/kick", {})
            self.assertEqual(response.json, {"ended": count})
        self.assertEqual([session.avatar_id for session in self.realm.sessions()], ["bob"])
        said = [
            entry.partition("127.0.0.1:4444: ")[2] for entry in entries if "kick from" in entry
        ]
        self.assertEqual(said[:2], ["2 sessions of alice: kicked\n", "1 session of a/b: kicked\n"])
        self.assertEqual(self.ask("POST", "/api/avatars/alice/kick", {}).status, 404)

    def test_no_session(self):
        self.assertEqual(self.ask("DELETE", "/api/sessions/999999999").status, 404)

    def test_requester_leaves(self):
        """What was begun is done."""
        pauses: list[Deferred[None]] = []

        def pause(self: Any) -> Deferred[None]:
            pauses.append(Deferred())
            return pauses[-1]

        for _ in range(3):
            self.log_in()
        self.patch(Slices, "pause", pause)
        connection = self.connect()
        connection.ask_only("POST", "/api/avatars/alice/kick", {})
        connection.lose()
        for number in range(3):
            pauses[number].callback(None)
        self.assertEqual(self.realm.sessions(), ())

    def test_form(self):
        """A form of another site can't do it."""
        self.log_in()
        response = self.ask(
            "POST",
            "/api/avatars/alice/kick",
            data=b"text=x",
            Content_Type="application/x-www-form-urlencoded",
        )
        self.assertEqual((response.status, len(self.realm.sessions())), (415, 1))


@implementer(IClientAware)
class SlowLeaver(Player):
    """
    Takes its time to detach.
    """

    def attached(self, session: Any) -> None:
        pass

    def detached(self, session: Any, reason: Any) -> Deferred[None]:
        return Deferred()


class SlowEndTests(AdminTestCase):
    def make_realm(self):
        return MindTrackingRealm(CachingRealm(SlowLeaver))

    def test_patience(self):
        self.log_in()
        (session,) = self.realm.sessions()
        connection = self.connect()
        connection.ask_only("DELETE", f"/api/sessions/{session.id}")
        self.clock.advance(4.9)
        self.assertEqual(connection.received(), b"")
        self.clock.advance(0.2)
        self.assertEqual(connection.response().json, {"ended": 1})


class AvatarTests(AdminTestCase):
    def test_avatars(self):
        self.log_in("bob")
        self.clock.advance(10)
        for name in ("alice", "alice", "<script>"):
            self.log_in(name)
        self.assertEqual(
            self.get("/api/avatars")["avatars"],
            [
                {
                    "avatar_id": name,
                    "sessions": sessions,
                    "since": f"2023-11-14T22:13:{seconds}.000Z",
                    "away": False,
                }
                for name, sessions, seconds in (
                    ("<script>", 1, 30),
                    ("alice", 2, 30),
                    ("bob", 1, 20),
                )
            ],
        )

    def test_pages(self):
        for name in ("bob", "carol", "alice", "bob", "a/b"):
            self.log_in(name)
        names, query = [], ""
        for _ in range(4):
            page = self.get(f"/api/avatars?limit=1{query}")
            names += [row["avatar_id"] for row in page["avatars"]]
            query = f"&cursor={page['next']}"
        self.assertEqual((names, page["next"]), (["a/b", "alice", "bob", "carol"], None))

    def test_leave_meanwhile(self):
        """A page that nothing follows has no cursor, and one that something follows is full."""
        for leaving, expected, more in (
            (("carol",), ["a/b", "alice"], False),
            (("a/b",), ["alice", "carol"], False),
            (("carol", "bob"), ["a/b", "alice"], False),
            (("bob", "a/b"), ["alice", "carol"], False),
            (("alice",), ["a/b", "bob"], True),
        ):
            names = {"a/b", "alice", "carol"} | ({"bob"} & {*leaving, *expected})
            for name in names:
                self.log_in(name)
            pauses: list[Deferred[None]] = []

            def pause(slices: Any, pauses: list[Deferred[None]] = pauses) -> Deferred[None]:
                pauses.append(Deferred())
                return pauses[-1]

            connection = self.connect()
            with patch.object(Slices, "pause", pause):
                connection.ask_only("GET", "/api/avatars?limit=2")
                for name in leaving:
                    for session in self.realm.sessions(name):
                        session.end()
                while pauses:
                    pauses.pop().callback(None)
            connection.turn()
            page = connection.response().json
            found = [row["avatar_id"] for row in page["avatars"]]
            self.assertEqual((found, page["next"] is not None), (expected, more), leaving)
            for session in self.realm.sessions():
                session.end()

    def test_full_last_page(self):
        """Nothing follows it, so it has no cursor, whichever list it is of."""
        for name in ("alice", "bob", "carol", "a/b"):
            self.log_in(name)
        self.check_last_page("sessions")
        self.check_last_page("avatars")
        for session in self.realm.sessions():
            session.end(Reason.KICKED)
        self.check_last_page("ends")
        self.check_last_page("ends", "&reason=5")

    def check_last_page(self, name: str, query: str = "") -> None:
        first = self.get(f"/api/{name}?limit=2{query}")
        second = self.get(f"/api/{name}?limit=2{query}&cursor={first['next']}")
        self.assertEqual((len(first[name]), len(second[name]), second["next"]), (2, 2, None))
        self.assertIsNone(self.get(f"/api/{name}?limit=4{query}")["next"])
