"""
The states of a session and of its hold, and which may follow which.
"""

from __future__ import annotations

from typing import TypeVar

from twisted.trial.unittest import SynchronousTestCase

from pbrealm._session.state import ATTACHMENT, SESSION, AttachmentState, SessionState
from pbrealm._transitions import State, Transitions

S = TypeVar("S", bound=State)


class TableTests(SynchronousTestCase):
    def check(self, table: Transitions[S], states: type[S], allowed: set[tuple[str, str]]) -> None:
        """Each of these is allowed; every other raises."""
        for present in states:
            for following in states:
                if (present.name, following.name) in allowed:
                    self.assertIs(table.to(following, present), following)
                else:
                    self.assertRaises(AssertionError, table.to, following, present)

    def test_session(self) -> None:
        self.check(
            SESSION,
            SessionState,
            {
                ("PENDING", "OPEN"),
                ("PENDING", "WITHDRAWN"),
                ("OPEN", "ENCLOSED"),
                ("OPEN", "REVOKED"),
                ("ENCLOSED", "WITHDRAWN"),
                ("REVOKED", "ENDING"),
                ("WITHDRAWN", "ENDING"),
                ("ENDING", "ENDED"),
            },
        )

    def test_hold(self) -> None:
        self.check(
            ATTACHMENT,
            AttachmentState,
            {
                ("HELD", "ATTACHING"),
                ("HELD", "RELEASED"),
                ("ATTACHING", "ATTACHED"),
                ("ATTACHING", "HELD"),
                ("ATTACHED", "DETACHING"),
                ("DETACHING", "RELEASED"),
            },
        )
