"""
Showing and changing the settings.
"""

from __future__ import annotations

from tests.admin_command.command_case import CommandTestCase


class SettingsTests(CommandTestCase):
    def test_show(self):
        lines = self.command("settings").splitlines()
        shown = dict(line.split() for line in lines)
        self.assertEqual(shown["limits.connections"], "10000")
        self.assertEqual(shown["backlog.when_slow"], "end")
        self.assertEqual(shown["sessions.limit"], "5")
        self.assertEqual(shown["sessions.total"], "null")
        self.assertEqual(shown["draining"], "false")

    def test_given_back(self):
        """All that is shown can be given back."""
        lines = self.command("settings").splitlines()
        given = ["=".join(line.split()) for line in lines if not line.startswith("draining")]
        before = self.get("/api/settings")
        self.assertEqual(self.document("settings", *given), {**before, "ended": 0})
        self.assertEqual(self.get("/api/settings"), before)

    def test_change(self):
        written = self.command(
            "settings", "limits.connections=500", "sessions.on_full=replace:60", "sessions.limit=1"
        )
        self.assertEqual(
            written,
            "limits.connections  500\nsessions.limit      1\nsessions.on_full    replace:60\n"
            "no session ended; the changes last until the server restarts\n",
        )
        settings = self.get("/api/settings")
        self.assertEqual(settings["limits"]["connections"], 500)
        self.assertEqual(settings["sessions"]["on_full"], "replace:60")

    def test_ended(self):
        """It says how many had to go."""
        for _ in range(3):
            self.log_in()
        written = self.command("settings", "sessions.limit=1", "sessions.on_full=replace:0")
        self.assertIn("2 sessions ended; the changes last until", written)

    def test_ends_later(self):
        for _ in range(3):
            self.log_in()
        written = self.command("settings", "sessions.limit=1", "sessions.on_full=wait:60")
        self.assertIn("the policy has yet to decide which sessions end; the changes", written)

    def test_no_sessions_concerned(self):
        written = self.command("settings", "limits.connections=500")
        self.assertEqual(
            written,
            "limits.connections  500\nthe changes last until the server restarts\n",
        )

    def test_refused(self):
        before = self.get("/api/settings")
        for change, sentence in (
            ("limits.connections=0", "must be 1 or more"),
            ("limits.connections=many", "must be a whole number"),
            ("limits.conections=1", 'limits must not have "conections", but may have connections'),
            ("limits.login-seconds=1", "but may have login_seconds"),
            ("nothing.at=1", 'the body must not have "nothing", only limits, backlog, sessions'),
            ("sessions.on_full=nothing", "nothing"),
        ):
            said = self.command("settings", "limits.logins=7", change, status=2)
            self.assertIn(sentence, said)
            self.assertEqual(said.count("\n"), 1)
        self.assertEqual(self.get("/api/settings"), before)

    def test_usage(self):
        for change in ("limits", "limits.connections", "connections=5", ".a=1", "a.=1", "=", ""):
            self.assertIn("must be PART.NAME=VALUE", self.reject("settings", change))
        said = self.command("settings", "limits.logins=7", "limits.logins=8", status=2)
        self.assertEqual(said, "pbrealm: limits.logins is there twice\n")
