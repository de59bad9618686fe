"""
The report on a message to many clients.
"""

from pbrealm.testing import FailingMind, RecordingMind
from tests.delivery.cases import BroadcastTestCase


class ReprTests(BroadcastTestCase):
    def test_failed(self):
        """Also failures that came from a client are shown, in a few characters."""

        class Wordy(FailingMind):
            def respond(self, message):
                return FailingMind.respond(self, "x" * 5000)

        self.serve([FailingMind(), Wordy(), RecordingMind("heard"), None])
        report = self.realm.broadcast("news")
        self.server.flush()
        shown = repr(self.successResultOf(report))
        self.assertIn("Error: 'news fails'>", shown)
        self.assertIn(": 'heard'}", shown)
        self.assertIn(
            "<Failure pbrealm.errors.NoMind: 'the client passed no mind (reason 4)'>", shown
        )
        self.assertLess(len(shown), 1000)
