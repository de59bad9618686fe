"""
Errors, and the reasons that they carry.
"""

from twisted.trial.unittest import SynchronousTestCase

from pbrealm import NotifyTimeout, Reason, SessionEnded, reason_of


class ReasonTests(SynchronousTestCase):
    def test_numbers(self):
        """They are on the wire, and in what users have stored: they stay as they are."""
        self.assertEqual(
            {reason.name: (reason.number, reason.text, reason.reconnect) for reason in Reason},
            {
                "LOGGED_OUT": (1, "logged out", False),
                "DISCONNECTED": (2, "disconnected", True),
                "REPLACED": (3, "replaced", False),
                "REFUSED": (4, "refused", False),
                "KICKED": (5, "kicked", False),
                "TOO_SLOW": (6, "too slow", True),
                "NO_ANSWER": (7, "no answer", True),
                "SHUTTING_DOWN": (8, "shutting down", True),
                "BUSY": (9, "try again later", True),
                "RECONNECT": (10, "asked to reconnect", True),
            },
        )

    def test_reason_of(self):
        self.assertIs(reason_of(SessionEnded(Reason.REPLACED)), Reason.REPLACED)
        self.assertIs(reason_of(NotifyTimeout("no answer")), Reason.NO_ANSWER)
        self.assertIsNone(reason_of(ValueError("for some (reason 99)")))
        self.assertIsNone(reason_of(ValueError("for some reason")))
