"""
Events as they happen.
"""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

from twisted.spread import pb

from pbrealm import Reason
from pbrealm._journal import log_contention
from pbrealm.admin import _feed
from pbrealm.admin._events import COMMENT_SECONDS, MAX_BYTES, MAX_EVENTS, MAX_STREAMS
from pbrealm.admin._site import REQUEST_SECONDS
from tests.admin.admin_case import AdminTestCase
from tests.admin.memory_http import MemoryHTTP


class EventTestCase(AdminTestCase):
    def follow(self) -> MemoryHTTP:
        connection = self.connect()
        connection.ask_only("GET", "/api/events")
        return connection

    def events(self, connection: MemoryHTTP) -> list[tuple[str, Any]]:
        """The events that have come since this was called last."""
        text = unchunked(connection.received()).decode("ascii")
        found = []
        for block in text.split("\n\n"):
            lines = dict(line.partition(": ")[::2] for line in block.splitlines())
            if "event" in lines:
                found.append((lines["event"], json.loads(lines["data"])))
        return found


def unchunked(data: bytes) -> bytes:
    """The body of a response that comes in chunks."""
    if data.startswith(b"HTTP"):
        data = data.partition(b"\r\n\r\n")[2]
    body = b""
    while data:
        size, _, rest = data.partition(b"\r\n")
        length = int(size, 16)
        body += rest[:length]
        data = rest[length + 2 :]
    return body


class EventTests(EventTestCase):
    def test_headers(self):
        head = self.follow().received().partition(b"\r\n\r\n")[0]
        self.assertIn(b"Content-Type: text/event-stream", head)
        self.assertIn(b"Cache-Control: no-store", head)

    def test_sessions(self):
        connection = self.follow()
        self.assertEqual(self.events(connection), [("hello", {"sessions": 0})])
        self.log_in("<script>")
        (session,) = self.realm.sessions()
        who = {"avatar_id": "<script>", "peer": "127.0.0.1:50000", "session": session.id}
        time = {"time": "2023-11-14T22:13:20.000Z"}
        self.assertEqual(self.events(connection), [("login", {**time, **who})])
        session.end(Reason.KICKED)
        self.assertEqual(
            self.events(connection),
            [("end", {**time, **who, "seconds": 0.0, "why": "kicked", "reason": 5})],
        )

    def test_away(self):
        """Also of those who were in before the administration began."""
        self.service.stopService()
        self.log_in()
        self.service.startService()
        self.log_in("bob")
        connection = self.follow()
        for session in self.realm.sessions():
            session.away_changed()
        events = [(name, data.get("avatar_id")) for name, data in self.events(connection)]
        self.assertEqual(events, [("hello", None), ("return", "alice"), ("return", "bob")])

    def test_away_after_restarts(self):
        """Each is told once, however often the administration has stopped and started."""
        self.log_in()
        for _ in range(3):
            self.service.stopService()
            self.service.startService()
        connection = self.follow()
        (session,) = self.realm.sessions()
        session.away_changed()
        self.assertEqual([name for name, _ in self.events(connection)], ["hello", "return"])

    def test_avatar_id(self):
        """It is as in the list of sessions, whatever it is."""
        name = "al\n<b>\u202e\\n" + "x" * 300
        self.add_account(name)
        connection = self.follow()
        for _ in range(3):
            self.log_in(name)
        first, second, *_ = self.realm.sessions()
        first.away_changed()
        log_contention(second, first, 10)
        self.ask("DELETE", f"/api/sessions/{first.id}")
        self.ask("POST", f"/api/avatars/{quote(name, safe='')}/kick", {})
        events = self.events(connection)
        expected = ["hello", *["login"] * 3, "return", "contention", "kick", "end", "kick"]
        self.assertEqual([each for each, _ in events], [*expected, "end", "end"])
        self.assertEqual({data["avatar_id"] for _, data in events[1:]}, {name})

    def test_refused_name(self):
        """It's as in the journal, since anybody may give any."""
        connection = self.follow()
        client = self.server.connect()
        self.assertRaises(pb.RemoteError, client.login, "al\n<b>" + "x" * 300, "wrong")
        ((_, data),) = self.events(connection)[1:]
        self.assertEqual(data["avatar_id"], "al\\n<b>" + "x" * 193 + "…")

    def test_contention_elsewhere(self):
        """Of a session of another server, only the journal's form is known."""
        self.log_in()
        (session,) = self.realm.sessions()
        connection = self.follow()
        with patch.object(self.realm, "session", lambda number: None):
            log_contention(session, session, 10)
        self.assertEqual(self.events(connection)[-1][1]["avatar_id"], "alice")

    def test_refusal(self):
        connection = self.follow()
        self.events(connection)
        client = self.server.connect()
        self.assertRaises(pb.RemoteError, client.login, "alice", "wrong")
        ((name, data),) = self.events(connection)
        self.assertEqual((name, data["avatar_id"], data["reason"]), ("refusal", "alice", 4))

    def test_contention(self):
        for _ in range(2):
            self.log_in()
        connection = self.follow()
        newcomer, holder = self.realm.sessions()
        log_contention(newcomer, holder, 10)
        self.assertEqual([name for name, _ in self.events(connection)], ["hello", "contention"])

    def test_actions(self):
        self.log_in()
        (session,) = self.realm.sessions()
        connection = self.follow()
        self.ask("DELETE", f"/api/sessions/{session.id}", {"text": "<b>"})
        self.ask("POST", "/api/drain", {"seconds": 0, "text": "come back"})
        self.server.advance(5)
        events = self.events(connection)
        self.assertEqual([name for name, _ in events], ["hello", "kick", "end", "drain", "drain"])
        kick = events[1][1]
        self.assertEqual(
            {name: kick[name] for name in ("by", "avatar_id", "sessions", "count", "text")},
            {
                "by": "127.0.0.1:4444",
                "avatar_id": "alice",
                "sessions": [session.id],
                "count": 1,
                "text": "<b>",
            },
        )
        self.assertEqual(
            [data["text"] for name, data in events if name == "drain"], ["come back"] * 2
        )
        self.assertEqual(
            [data["state"] for name, data in events if name == "drain"], ["draining", "drained"]
        )

    def test_kick_of_an_avatar_id(self):
        """It has the sessions, if there aren't too many."""
        for _ in range(3):
            self.log_in()
        ids = [session.id for session in self.realm.sessions()]
        connection = self.follow()
        self.patch(_feed, "MAX_KICKED", 2)
        self.ask("POST", "/api/avatars/alice/kick", {})
        (kick,) = [data for name, data in self.events(connection) if name == "kick"]
        self.assertEqual((kick["sessions"], kick["count"], kick["text"]), (ids[:2], 3, None))

    def test_other_actions(self):
        connection = self.follow()
        self.events(connection)
        changes = {"limits": {"connections": 7}, "sessions": {"on_full": "replace"}}
        self.ask("PATCH", "/api/settings", changes)
        self.ask("PATCH", "/api/settings", {"limits": {"connections": 0}})
        self.ask("POST", "/api/notify", {"avatar_id": "<b>", "method": "hear", "args": ["x"]})
        self.ask("POST", "/api/broadcast", {"method": "hear"})
        by = {"time": "2023-11-14T22:13:20.000Z", "by": "127.0.0.1:4444"}
        self.assertEqual(
            self.events(connection),
            [
                ("settings", {**by, "changes": changes}),
                ("notify", {**by, "avatar_id": "<b>", "method": "hear"}),
                ("broadcast", {**by, "method": "hear"}),
            ],
        )

    def test_comments(self):
        connection = self.follow()
        connection.received()
        self.clock.advance(COMMENT_SECONDS + 1)
        self.assertTrue(unchunked(connection.received()).startswith(b":"))

    def test_reader_leaves(self):
        connection = self.follow()
        connection.lose()
        self.log_in()
        self.assertEqual(connection.received().count(b"event: login"), 0)
        self.clock.advance(COMMENT_SECONDS * 3)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_service_stops(self):
        connection = self.follow()
        self.service.stopService()
        self.assertTrue(connection.closed)
        self.log_in()
        self.assertEqual(self.flushLoggedErrors(), [])


class ManyReadersTests(EventTestCase):
    def test_bounded(self):
        """There are never more than so many, and others are told when to come again."""
        readers = [self.follow() for _ in range(MAX_STREAMS)]
        for _ in range(1000):
            connection = self.connect()
            response = connection.ask("GET", "/api/events")
            connection.lose()
            self.assertEqual(response.status, 503)
        self.assertEqual(response.headers["retry-after"], "60")
        self.assertEqual(self.get("/api/sessions")["next"], None)
        readers[0].lose()
        self.assertIn(b"hello", self.follow().received())


class SlowReaderTests(EventTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.connection = self.follow()
        self.connection.received()
        # The transport's buffer is full.
        self.connection.channel.pauseProducing()

    def publish(self, number: int, size: int = 1) -> None:
        for each in range(number):
            self.service._api._events.publish("login", {"number": each, "text": "x" * size})

    def test_catches_up(self):
        self.publish(MAX_EVENTS)
        self.assertEqual(self.connection.received(), b"")
        self.connection.channel.resumeProducing()
        events = self.events(self.connection)
        self.assertEqual([data["number"] for _, data in events], list(range(MAX_EVENTS)))

    def check_dropped(self) -> None:
        events = self.events(self.connection)
        self.assertEqual(events, [("dropped", {})])
        self.assertTrue(self.connection.closed)
        self.publish(1)
        self.connection.channel.resumeProducing()
        self.assertEqual(self.connection.received(), b"")
        self.assertEqual(len(self.service._api._events), 0)

    def test_too_many(self):
        self.publish(MAX_EVENTS + 1)
        self.check_dropped()

    def test_too_much(self):
        self.publish(MAX_BYTES // 1000 + 1, 1000)
        self.check_dropped()

    def test_aborted(self):
        """If it doesn't take even that, it's cut."""
        aborted: list[bool] = []
        self.connection.transport.abortConnection = lambda: aborted.append(True)  # type: ignore[method-assign]
        self.publish(MAX_EVENTS + 1)
        self.clock.advance(REQUEST_SECONDS)
        self.assertEqual(aborted, [True])

    def test_paused_again(self):
        self.publish(10)
        write = self.connection.transport.write

        def write_and_pause(data: bytes) -> None:
            write(data)
            self.connection.channel.pauseProducing()

        self.connection.transport.write = write_and_pause  # type: ignore[method-assign]
        self.connection.transport.writeSequence = lambda parts: write_and_pause(b"".join(parts))  # type: ignore[method-assign]
        self.connection.channel.resumeProducing()
        self.assertEqual(len(self.events(self.connection)), 1)
