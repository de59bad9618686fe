"""
The events of the journal.
"""

from __future__ import annotations

from typing import Any

from twisted.cred.checkers import ANONYMOUS
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.logger import formatEvent
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import LoginRefused, Reason, Session
from pbrealm._journal import NAMESPACE, log_action, log_end, log_login, log_refusal
from tests.logs import observe_log

PEER = IPv4Address("TCP", "192.0.2.1", 5)


class JournalTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.events: list[dict[str, Any]] = []
        observe_log(self, self.observe)

    def observe(self, event: dict[str, Any]) -> None:
        if event.get("log_namespace") == NAMESPACE:
            self.events.append(event)

    def check(self, text: str, /, **values: object) -> None:
        """One event was logged, with this text and these values."""
        (event,) = self.events
        self.assertEqual(formatEvent(event), text)
        self.assertEqual({name: event[name] for name in values}, values)

    def test_login(self) -> None:
        session = Session("alice", None, Clock())
        log_login(session)
        self.check(
            f"login of alice from an unknown address: session {session.id}",
            event="login",
            avatar_id="alice",
            session=session.id,
        )

    def test_end(self) -> None:
        clock = Clock()
        session = Session("alice", None, clock)
        clock.advance(1.23456)
        log_end(session, Reason.KICKED)
        self.check(
            f"end of session {session.id} of alice from an unknown address after 1.235 s: kicked",
            event="end",
            seconds=1.235,
            why="kicked",
            reason=5,
        )

    def test_refusal(self) -> None:
        log_refusal("alice", PEER, LoginRefused("come back on Monday"))
        self.check(
            "login of alice from 192.0.2.1:5 refused: come back on Monday (reason 4)",
            event="refusal",
            peer="192.0.2.1:5",
            reason=4,
        )

    def test_other_errors(self) -> None:
        """Errors that aren't pbrealm's are named by their type."""
        log_refusal("alice", PEER, ZeroDivisionError("no"))
        self.check(
            "login of alice from 192.0.2.1:5 refused: ZeroDivisionError: no",
            why="ZeroDivisionError: no",
            reason=4,
        )

    def test_avatar_ids(self) -> None:
        """They are strings in the log, whatever the checker or the client gave."""
        for given, logged in (("zoë", "zoë"), (b"\xffx", "\\xffx"), (ANONYMOUS, "anonymous")):
            log_refusal(given, None, LoginRefused("no"))
            self.assertEqual(self.events.pop()["avatar_id"], logged)

    def test_action(self) -> None:
        """Its text may be that of a user."""
        log_action("unix socket", "kick", "session 1 of <b>\n", "<b>\n")
        self.check(
            "kick from unix socket: session 1 of <b>\\n",
            event="action",
            action="kick",
            peer="unix socket",
            avatar_id="<b>\\n",
        )

    def test_action_with_a_text(self) -> None:
        """What clients were told is there, too."""
        log_action("127.0.0.1:5", "drain", "3 sessions over 10 s", text="back\nsoon")
        self.check(
            "drain from 127.0.0.1:5: 3 sessions over 10 s, with the text: back\\nsoon",
            what="3 sessions over 10 s",
            text="back\\nsoon",
        )

    def test_action_on_all(self) -> None:
        log_action("127.0.0.1:5", "broadcast", "hear")
        self.check("broadcast from 127.0.0.1:5: hear", what="hear")
        self.assertNotIn("avatar_id", self.events[0])
        self.assertNotIn("text", self.events[0])
