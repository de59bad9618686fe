"""
Listing, showing and kicking sessions.
"""

from __future__ import annotations

from pbrealm import CachingRealm, Limits, MindTrackingRealm
from pbrealm._admin_command import client
from pbrealm._admin_command.sessions import details
from pbrealm.testing import RecordingMind
from tests.admin.admin_case import Player
from tests.admin_command.command_case import CommandTestCase


class SessionsTests(CommandTestCase):
    def test_table(self):
        self.log_in("alice")
        self.clock.advance(65)
        self.log_in("bob")
        lines = self.command("sessions").splitlines()
        self.assertEqual(lines[0].split(), ["ID", "AVATAR", "PEER", "AGE", "WAITING", "STATE"])
        self.assertRegex(lines[1], r"^ *\d+  alice +\S+  1 min 5 s  +0 B  here$")
        self.assertRegex(lines[2], r"^ *\d+  bob +\S+      0\.\d s  +0 B  here$")
        self.assertEqual(len(lines), 3)

    def test_none(self):
        self.assertEqual(self.command("sessions"), "ID  AVATAR  PEER  AGE  WAITING  STATE\n")
        self.assertEqual(self.document("sessions"), [])

    def test_filters(self):
        self.log_in("alice")
        self.clock.advance(10)
        self.log_in("bob")
        self.log_in("a/b")
        for arguments, names in (
            ((), ["alice", "bob", "a/b"]),
            (("--avatar", "a/b"), ["a/b"]),
            (("--avatar", "carol"), []),
            (("--min-seconds", "5"), ["alice"]),
            (("--max-seconds", "5"), ["bob", "a/b"]),
            (("--peer", "127."), ["alice", "bob", "a/b"]),
            (("--peer", "192."), []),
            (("--limit", "2"), ["alice", "bob"]),
        ):
            found = self.document("sessions", *arguments)
            self.assertEqual([each["avatar_id"] for each in found], names, arguments)

    def test_document(self):
        """It's what the API answers."""
        self.log_in("alice")
        answer = self.get("/api/sessions")["sessions"]
        (session,) = self.document("sessions")
        self.assertEqual({**session, "seconds": 0}, {**answer[0], "seconds": 0})

    def test_hostile_name(self):
        """Nothing that a user has chosen reaches the terminal as it is."""
        name = "\x1b]0;x\x07\u202e\n"
        self.add_account(name)
        self.log_in(name)
        written = self.command("sessions")
        self.assertIn("\\x1b]0;x\\x07\\u202e\\n", written)
        self.assertTrue(written.replace("\n", "").isprintable())
        self.assertEqual(len(written.splitlines()), 2)


class ManySessionsTests(CommandTestCase):
    limits = Limits(login_seconds=0, ping_interval=0, logins=3000)

    def make_realm(self):
        return MindTrackingRealm(CachingRealm(Player))

    def test_pages(self):
        """All pages are asked for, and no more rows than wanted."""
        connection = self.server.connect()
        self.references += [connection.login("alice", "secret") for _ in range(50)]
        self.patch(client, "PAGE", 20)
        everybody = self.document("sessions")
        self.assertEqual(len({each["id"] for each in everybody}), 50)
        for limit in (1, 19, 20, 21, 40, 49, 50, 51):
            self.assertEqual(
                [each["id"] for each in self.document("sessions", "--limit", str(limit))],
                [each["id"] for each in everybody[:limit]],
            )


class ShowTests(CommandTestCase):
    limits = Limits()

    def test_show(self):
        self.log_in("alice")
        self.clock.advance(7)
        (session,) = self.realm.sessions()
        written = self.command("show", str(session.id))
        for line in (
            rf"^session +{session.id}$",
            r"^avatar id +alice$",
            r"^since +2023-11-14 22:13:2\d UTC, for 7\.\d s$",
            r"^state +here$",
            r"^waiting +0 B$",
            r"^received +\d+ B in 0 calls$",
            r"^sent +\d+ B in \d calls?$",
            r"^unanswered +0 calls$",
            r"^last sign of life +7\.\d s ago$",
        ):
            self.assertRegex(written, f"(?m){line}")
        self.assertEqual(len(written.splitlines()), 10)
        document = self.document("show", str(session.id))
        self.assertEqual(document["stats"]["calls_received"], 0)

    def test_unanswered(self):
        self.log_in("alice")
        (session,) = self.realm.sessions()
        answer = self.document("show", str(session.id))
        answer["stats"] |= {"unanswered": 2, "oldest_unanswered_seconds": 75}
        self.assertIn(("unanswered", "2 calls, the oldest for 1 min 15 s"), details(answer))

    def test_no_figures(self):
        """The connection isn't known."""
        self.log_in("alice")
        (session,) = self.realm.sessions()
        answer = self.document("show", str(session.id))
        shown = details({**answer, "stats": None, "away": True})
        self.assertEqual(shown[-2:], [("state", "away"), ("waiting", "0 B")])

    def test_unknown(self):
        self.assertEqual(self.command("show", "99", status=4), "pbrealm: there is no session 99\n")


class AvatarsTests(CommandTestCase):
    def test_table(self):
        self.log_in("bob")
        self.clock.advance(65)
        self.log_in("alice")
        self.log_in("alice")
        self.assertEqual(
            self.command("avatars").splitlines(),
            [
                "AVATAR  SESSIONS  SINCE (UTC)          STATE",
                "alice          2  2023-11-14 22:14:25  here",
                "bob            1  2023-11-14 22:13:20  here",
            ],
        )

    def test_none(self):
        self.assertEqual(self.command("avatars"), "AVATAR  SESSIONS  SINCE (UTC)  STATE\n")
        self.assertEqual(self.document("avatars"), [])

    def test_document(self):
        """It's what the API answers."""
        self.log_in("alice")
        self.log_in("<script>")
        self.assertEqual(self.document("avatars"), self.get("/api/avatars")["avatars"])

    def test_pages(self):
        """All pages are asked for, and no more rows than wanted."""
        names = ["<script>", "a/b", "alice", "bob", "carol"]
        for name in names:
            self.log_in(name)
        self.patch(client, "PAGE", 2)
        for arguments, expected in (
            ((), names),
            (("--limit", "1"), names[:1]),
            (("--limit", "4"), names[:4]),
            (("--limit", "5"), names),
            (("--limit", "6"), names),
        ):
            found = self.document("avatars", *arguments)
            self.assertEqual([each["avatar_id"] for each in found], expected)

    def test_hostile_name(self):
        """Nothing that a user has chosen reaches the terminal as it is."""
        name = "\x1b]0;x\x07\u202e\n"
        self.add_account(name)
        self.log_in(name)
        written = self.command("avatars")
        self.assertIn("\\x1b]0;x\\x07\\u202e\\n", written)
        self.assertTrue(written.replace("\n", "").isprintable())
        self.assertEqual(len(written.splitlines()), 2)


class KickTests(CommandTestCase):
    def test_session(self):
        mind = RecordingMind()
        self.log_in("alice", mind)
        self.log_in("bob")
        first, _ = self.realm.sessions()
        written = self.command("kick", str(first.id), "--text", "go\x07 away")
        self.assertEqual(written, "1 session ended\n")
        self.assertEqual(mind.calls, [("goodbye", (5, "go\x07 away", False))])
        self.assertEqual([each.avatar_id for each in self.realm.sessions()], ["bob"])

    def test_avatar(self):
        minds = [RecordingMind(), RecordingMind()]
        for mind in minds:
            self.log_in("a/b", mind)
        self.log_in("bob")
        self.assertEqual(self.document("kick", "--avatar", "a/b", "--reconnect"), {"ended": 2})
        for mind in minds:
            self.assertEqual(mind.calls[0][1][::2], (10, True))
        self.assertEqual([each.avatar_id for each in self.realm.sessions()], ["bob"])

    def test_unknown(self):
        self.assertIn("no session 99", self.command("kick", "99", status=4))
        for name in ("nobody", "", "..", "%2e", "ä", "a?b#c", "a/../b"):
            said = self.command("kick", "--avatar", name, status=4)
            self.assertEqual(said, f'pbrealm: there is no session of "{name}"\n')

    def test_number_that_is_too_long(self):
        self.assertIn("must have 18 digits at most", self.reject("kick", "9" * 19))

    def test_usage(self):
        """One of both, and no other."""
        for arguments in ((), ("1", "--avatar", "alice"), ("x",), ("0",), ("-1",), ("1", "2")):
            self.assertIn("usage: pbrealm", self.reject("kick", *arguments))
