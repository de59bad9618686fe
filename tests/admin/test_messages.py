"""
Calling clients by way of the administration.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from twisted.spread import pb

from pbrealm.admin._messages import MAX_FAILURES, MAX_WAITING
from pbrealm.admin._plain import MAX_REPLY_CHARACTERS, MAX_REPLY_VALUES, MAX_VALUES, Budget, plain
from pbrealm.testing import FailingMind, RecordingMind, StallingMind
from tests.admin.admin_case import AdminTestCase


class AnsweringMind(pb.Referenceable):
    """
    Gives an answer.
    """

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def remote_ask(self, *args: Any, **kw: Any) -> Any:
        self.asked = (args, kw)
        return self.answer


class MessageTests(AdminTestCase):
    def send(self, path: str, body: Any, seconds: float = 0) -> Any:
        connection = self.connect()
        connection.ask_only("POST", path, body)
        self.server.advance(seconds)
        response = connection.response()
        self.check_described("POST", path, response)
        return response

    def test_notify(self):
        mind = AnsweringMind({"a": [1, 2.5, None, True, "ä"]})
        self.log_in("alice", mind)
        self.log_in("bob", AnsweringMind(1))
        session = self.realm.sessions("alice")[0]
        response = self.send(
            "/api/notify",
            {"avatar_id": "alice", "method": "ask", "args": [1, "x"], "kwargs": {"k": {"a": []}}},
        )
        self.assertEqual(
            response.json,
            {
                "answered": 1,
                "failed": [],
                "failed_count": 0,
                "gone": 0,
                "dropped": 0,
                "answers": {str(session.id): {"a": [1, 2.5, None, True, "ä"]}},
            },
        )
        self.assertEqual(mind.asked, ((1, "x"), {"k": {"a": []}}))

    def test_nobody(self):
        response = self.send("/api/notify", {"avatar_id": "nobody", "method": "ask"})
        self.assertEqual((response.json["answered"], response.json["answers"]), (0, {}))

    def test_broadcast(self):
        for name, mind in (
            ("alice", RecordingMind()),
            ("alice", FailingMind(ValueError("<b>\n"))),
            ("bob", None),
            ("carol", StallingMind()),
        ):
            self.log_in(name, mind)
        self.flushLoggedErrors()
        ids = [session.id for session in self.realm.sessions()]
        response = self.send("/api/broadcast", {"method": "hear", "timeout": 5}, 6)
        report = response.json
        self.assertEqual((report["answered"], report["failed_count"]), (1, 3))
        self.assertNotIn("answers", report)
        whys = {each["session"]: each["why"] for each in report["failed"]}
        self.assertEqual(whys[ids[2]], "the client passed no mind (reason 4)")
        self.assertIn("reason 7", whys[ids[3]])
        self.assertNotIn("\n", whys[ids[1]])
        self.flushLoggedErrors()

    def test_many_failures(self):
        limited: Any = self.realm.realm
        limited.change(limit=None)
        for _ in range(MAX_FAILURES + 1):
            self.log_in("bob")
        report = self.send("/api/broadcast", {"method": "hear"}).json
        self.assertEqual(
            (len(report["failed"]), report["failed_count"]), (MAX_FAILURES, MAX_FAILURES + 1)
        )

    def test_requester_leaves(self):
        """What was sent isn't taken back."""
        mind = StallingMind()
        self.log_in("alice", mind)
        connection = self.connect()
        connection.ask_only("POST", "/api/broadcast", {"method": "hear"})
        connection.lose()
        self.server.advance(60)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_too_many(self):
        """Those that wait for answers are bounded, whether or not their requesters have gone."""
        self.log_in("alice", StallingMind())
        body = {"method": "ask", "timeout": 5}
        connections = [self.connect() for _ in range(MAX_WAITING)]
        for connection in connections:
            connection.ask_only("POST", "/api/broadcast", body)
        connections[0].lose()
        for path, further in ("broadcast", {}), ("notify", {"avatar_id": "alice"}):
            response = self.ask("POST", f"/api/{path}", {**body, **further})
            self.assertEqual(response.status, 503, path)
        self.server.advance(5)
        for connection in connections[1:]:
            self.assertEqual(connection.response("POST").status, 200)
        self.assertEqual(self.send("/api/broadcast", body, 5).status, 200)

    def test_wrong(self):
        for body in (
            {},
            {"method": "ask"},
            {"avatar_id": "alice", "method": ""},
            {"avatar_id": "alice", "method": "ask", "timeout": 0},
            {"avatar_id": "alice", "method": "ask", "args": {}},
            {"avatar_id": "alice", "method": "ask", "kwargs": []},
            {"avatar_id": "alice", "method": "ask", "kwargs": {"pbtimeout": 1}},
            {"avatar_id": "alice", "method": "ask", "kwargs": {"pbanswer": False}},
            {"avatar_id": "alice", "method": "ask", "more": 1},
        ):
            self.assertEqual(self.ask("POST", "/api/notify", body).status, 422, body)

    def test_names_of_arguments(self):
        """Whatever the names of keyword arguments are."""
        mind = AnsweringMind(1)
        self.log_in("alice", mind)
        names = {"avatar_id": 1, "method": 2, "": 3, "clock": 4}
        self.send("/api/notify", {"avatar_id": "alice", "method": "ask", "kwargs": names})
        self.assertEqual(mind.asked, ((), names))


class PlainTests(AdminTestCase):
    def test_as_it_is(self):
        values: tuple[Any, ...] = (
            None,
            True,
            1,
            -(2**100),
            1.5,
            "<script>",
            [1, [2]],
            {"a": {"b": []}},
        )
        for value in values:
            self.assertEqual(plain(value, Budget()), value)
        self.assertEqual(plain((1, 2), Budget()), [1, 2])

    def test_as_text(self):
        values: tuple[tuple[Any, str], ...] = (
            (b"\xff", "b'\\xff'"),
            (float("nan"), "nan"),
            ({1: 2}, "{1: 2}"),
            (Decimal("1.5"), "Decimal('1.5')"),
            ({1, 2}, "{1, 2}"),
        )
        for value, text in values:
            self.assertEqual(plain(value, Budget()), text)

    def test_bounded(self):
        """However large or deep an answer is, little of it is looked at."""
        deep: list[Any] = []
        for _ in range(150):
            deep = [deep]
        values: tuple[Any, ...] = (
            "x" * 10**6,
            b"x" * 10**7,
            [0] * (MAX_VALUES + 1),
            [[0] * 1000] * 1000,
            deep,
            1 << 10**7,
            {str(number): number for number in range(10**5)},
            ["x" * 5000] * 3,
        )
        for value in values:
            found = plain(value, Budget())
            self.assertLess(len(found), 210)
            json.dumps(found)

    def test_many_items(self):
        """What would have to be sorted to be shown isn't looked at."""

        class Unsorted(int):
            def __lt__(self, other: object) -> bool:
                raise AssertionError("sorted")

            __hash__ = int.__hash__

        keys = [Unsorted(number) for number in range(1000)]
        for value, text in (
            (dict.fromkeys(keys), "<a dict of 1000 items>"),
            (set(keys), "<a set of 1000 items>"),
            (frozenset(keys), "<a frozenset of 1000 items>"),
            ([set(keys), b""], "[<a set of 1000 items>, b'']"),
        ):
            self.assertEqual(plain(value, Budget()), text)

    def test_digits(self):
        """The digits of numbers count."""
        self.assertEqual(plain([2**1000] * 10, Budget()), [2**1000] * 10)
        self.assertIsInstance(plain([2**1000] * 900, Budget()), str)

    def test_one_budget(self):
        """All answers of a reply together are bounded."""
        for answer, most in (
            ([0] * 999, MAX_REPLY_VALUES),
            (["x" * 9000], MAX_REPLY_CHARACTERS),
            ([2**1000] * 25, MAX_REPLY_CHARACTERS),
        ):
            budget = Budget()
            answers = [plain(answer, budget) for _ in range(100)]
            whole = [each for each in answers if not isinstance(each, str)]
            self.assertEqual(whole, [answer] * len(whole))
            self.assertIn(len(whole), range(9, 13), most)
            self.assertLess(len(json.dumps(answers)), 2 * MAX_REPLY_CHARACTERS)

    def test_nested(self):
        """What is shown of nested lists is bounded, too."""
        shown = 0

        class Shown:
            def __repr__(self) -> str:
                nonlocal shown
                shown += 1
                return "shown"

        value: Any = Shown()
        for _ in range(8):
            value = [value] * 6
            plain(value, Budget())
        self.assertLess(shown, 1000)
