"""
Calling clients.
"""

from __future__ import annotations

from twisted.spread import pb

from pbrealm.testing import FailingMind, RecordingMind, StallingMind
from tests.admin_command.command_case import CommandTestCase


class KeywordMind(pb.Referenceable):
    """
    Records its calls, with their keyword arguments.
    """

    def __init__(self):
        self.calls: list[object] = []

    def remote_hear(self, *args, **keywords):
        self.calls.append((args, keywords))


class NotifyTests(CommandTestCase):
    def test_answers(self):
        mind = KeywordMind()
        self.log_in("alice", mind)
        (session,) = self.realm.sessions()
        written = self.command(
            "notify", "alice", "hear", "5", '"te\\u001bxt"', "[null, {}]", "--keyword", "a=true"
        )
        self.assertEqual(mind.calls, [((5, "te\x1bxt", [None, {}]), {"a": True})])
        self.assertEqual(
            [line.strip() for line in written.splitlines()],
            ["answered 1, failed 0, gone 0, dropped 0", "ID  ANSWER", f"{session.id}  null"],
        )

    def test_failures(self):
        self.log_in("alice", FailingMind())
        written = self.command("notify", "alice", "hear")
        self.assertRegex(
            written, r"^answered 0, failed 1, gone 0, dropped 0\n *ID  FAILED\n.*: hear fails\n$"
        )

    def test_no_session(self):
        self.assertEqual(
            self.command("notify", "nobody\x07", "hear", status=4),
            "pbrealm: nobody\\x07 has no session\n",
        )

    def test_slow(self):
        """The server is waited for as long as the clients may take."""
        self.log_in("alice", StallingMind())
        run = self.start("notify", "alice", "hear", "--timeout", "100")
        run.settle(95)
        self.assertIsNone(run.status)
        run.settle(10)
        self.assertEqual(run.status, 0)
        self.assertIn("failed 1", run.out)

    def test_document(self):
        self.log_in("alice", RecordingMind())
        report = self.document("notify", "alice", "hear")
        self.assertEqual((report["answered"], report["failed"]), (1, []))

    def test_usage(self):
        for arguments, said in (
            (("text",), "must be JSON"),
            (("NaN",), "must be JSON"),
            (("9" * 5000,), "must be JSON"),
            (("[" * 100000,), "must be JSON"),
            (('"\\ud800"',), "must be JSON"),
            (("\udcff",), "no text in UTF-8"),
            (("--keyword", "a"), "must be NAME=VALUE"),
            (("--keyword", "=1"), "must be NAME=VALUE"),
            (("--timeout", "0"), "must be more than 0"),
            (("--timeout", "nan"), "must be a number of 0 or more"),
            (("--timeout", "inf"), "must be a number of 0 or more"),
        ):
            self.assertIn(said, self.reject("notify", "alice", "hear", *arguments))


class BroadcastTests(CommandTestCase):
    def test_broadcast(self):
        minds = [RecordingMind(), RecordingMind()]
        for mind in minds:
            self.log_in("alice", mind)
        self.log_in("bob", FailingMind())
        written = self.command("broadcast", "hear", "-5")
        self.assertEqual([mind.calls for mind in minds], [[("hear", (-5,))]] * 2)
        self.assertRegex(written, r"^answered 2, failed 1, gone 0, dropped 0\n *ID  FAILED\n")

    def test_nobody(self):
        self.assertEqual(
            self.command("broadcast", "hear"), "answered 0, failed 0, gone 0, dropped 0\n"
        )
