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
        run = self.start("notify", "alice", "hear")
        self.assertEqual((run.status, run.err), (1, "pbrealm: no client has answered\n"))
        self.assertRegex(
            run.out, r"^answered 0, failed 1, gone 0, dropped 0\n *ID  FAILED\n.*: hear fails\n$"
        )

    def test_no_session(self):
        self.assertEqual(
            self.command("notify", "nobody\x07", "hear", status=4),
            'pbrealm: there is no session of "nobody\\x07"\n',
        )

    def test_slow(self):
        """The server is waited for as long as the clients may take."""
        self.log_in("alice", StallingMind())
        run = self.start("notify", "alice", "hear", "--timeout", "100")
        run.settle(95)
        self.assertIsNone(run.status)
        run.settle(10)
        self.assertEqual(run.status, 1)
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
            (("--keyword", "who=ops"), "what follows who= must be JSON, such as 5, true or"),
            (("--timeout", "0"), "must be a number above 0, not 0"),
            (("--timeout", "-1"), "must be a number above 0, not -1"),
            (("--timeout", "nan"), "must be a number above 0, not nan"),
            (("--timeout", "inf"), "must be a number above 0, not inf"),
        ):
            self.assertIn(said, self.reject("notify", "alice", "hear", *arguments))


class BroadcastTests(CommandTestCase):
    def test_equal_failures(self):
        """They are told once."""
        for _ in range(3):
            self.log_in("alice", FailingMind())
        self.log_in("bob", RecordingMind())
        first = self.realm.sessions()[0].id
        lines = self.command("broadcast", "hear").splitlines()
        self.assertEqual(len(lines), 3)
        self.assertRegex(lines[2], rf"^ *{first}  .*hear fails \(and 2 others\)$")

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
