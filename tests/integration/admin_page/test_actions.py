"""
What can be done to sessions and to the server on the page.
"""

from __future__ import annotations

import json
from urllib.error import HTTPError
from urllib.request import urlopen

from tests.integration.admin_page.page_case import ENDS, NAMES, ROWS, TOKEN, PageTestCase


class ActionTests(PageTestCase):
    def test_kick_by_keyboard(self):
        """From the top of the page to a kick and back to the table, without a mouse."""
        server = self.show("--sessions", 1, "--clients", 2, sessions=3)
        self.wait_for_texts(NAMES, ["ada1", "client0", "client1"])
        self.browser.press("TAB")
        self.assertEqual(self.browser.focus(), "Skip to the sessions")
        self.browser.press("ENTER", "TAB")
        self.wait_for_focus("filter-avatar: Avatar id contains")
        for _ in range(20):
            self.browser.press("TAB")
            if self.browser.focus().startswith("Kick"):
                break
        self.assertEqual(self.browser.focus(), "Kick ada1")
        self.browser.press("ARROW_DOWN", "ARROW_DOWN")
        self.assertEqual(self.browser.focus(), "Kick client1")
        self.assertEqual(self.focus_ring(), "solid")
        self.browser.press("ENTER")
        self.wait_for_focus("kick-text: What the client is told (may be empty)")
        self.assertRegex(
            self.browser.text("#kick-who"), r"^client1 from 127\.0\.0\.1:\d+, session 3$"
        )
        # The focus stays in the dialog, but for the browser's own controls.
        for _ in range(8):
            self.browser.press("TAB")
            self.assertTrue(
                self.browser.run(
                    "const it = document.activeElement;"
                    "return it === document.body || it.closest('#kick-dialog') !== null"
                )
            )
        self.browser.press("ESCAPE")
        self.wait_for_focus("Kick client1")
        self.browser.press("ENTER", "b", "y", "e", "TAB", "SPACE", "ENTER")
        self.assertEqual(json.loads(server.line().split(" ", 1)[1]), [10, "bye", True])
        self.wait_for_text("#news", "client1 was kicked.")
        self.wait_for_texts(NAMES, ["ada1", "client0"])
        self.wait_for_focus("Kick client0")
        self.wait_for_texts(f"{ENDS} .why", ["asked to reconnect"])

    def focus_ring(self) -> str:
        """The style of the outline of what has the focus."""
        style: str = self.browser.run(
            "return getComputedStyle(document.activeElement).outlineStyle"
        )
        return style

    def test_kick_one_who_has_left(self):
        """The dialog closes, and the page says so."""
        server = self.show("--sessions", 2, sessions=2)
        self.browser.click(f"{ROWS} .kick button")
        server.command("end 1")
        self.wait_for_texts(NAMES, ["barbara2"])
        self.browser.press("ENTER")
        self.wait_for_text("#news", "ada1 had left already.")
        self.wait_for_focus("Kick barbara2")
        # The console has the answer 404.
        self.assertEqual(len(self.browser.errors()), 1)

    def test_details(self):
        """They are renewed while they are open; Escape closes them."""
        server = self.show("--clients", 1, sessions=1)
        self.browser.click(f"{ROWS} .link")
        self.browser.wait(
            lambda: self.browser.text("#details-list"), lambda text: "Last sign of life" in text
        )
        details = self.browser.text("#details-list")
        for pattern in (r"Session\n1\n", r"Received\n[\d.]+ k?B in 0 calls", r"Unanswered\n0\n"):
            self.assertRegex(details, pattern)
        server.command("end 1")
        self.wait_for_text("#details-error", "This session has ended.")
        self.browser.press("ESCAPE")
        self.assertFalse(self.browser.run("return document.getElementById('details-dialog').open"))
        # The console has the answer 404.
        self.assertEqual(len(self.browser.errors()), 1)

    def test_broadcast(self):
        """Its report is shown, failures as text."""
        self.show("--clients", 3, "--sessions", 1, sessions=4)
        self.browser.write("#broadcast-method", "say")
        self.browser.write("#broadcast-args", '["hello"')
        self.browser.click("#broadcast-send")
        self.wait_for_text(
            "#broadcast-error", 'The arguments must be a JSON array, such as ["hello", 5].'
        )
        self.browser.write("#broadcast-args", '["hello", 2]')
        self.browser.click("#broadcast-send")
        self.browser.wait(
            lambda: self.browser.text("#broadcast-report"),
            lambda text: "<b>hello</b>" in text,
        )
        self.assertEqual(self.browser.text("#broadcast-error"), "")
        self.assertEqual(self.browser.texts("#broadcast-report dd")[:2], ["2", "2"])

    def test_drain(self):
        """It is begun after a confirmation, and its progress is shown."""
        server = self.show("--clients", 40, sessions=40)
        self.browser.write("#drain-seconds", "2")
        self.browser.click("#drain-begin")
        self.wait_for_focus("Cancel")
        self.assertIn(
            "all 40 clients must leave within 2 seconds", self.browser.text("#drain-what")
        )
        self.browser.press("ENTER")
        self.wait_for_focus("drain-begin: Drain…")
        self.assertEqual(self.browser.text("#state"), "serving")
        self.browser.click("#drain-begin")
        self.browser.click("#drain-dialog button[type=submit]")
        self.wait_for_text("#state", "draining")
        self.browser.wait(
            lambda: self.browser.run("return document.getElementById('drain-bar').position"),
            lambda position: 0 < position < 1,
        )
        with self.assertRaises(HTTPError) as caught:
            urlopen(f"{server.url}readyz")
        self.assertEqual(caught.exception.code, 503)
        caught.exception.close()
        self.wait_for_text("#state", "drained")
        self.wait_for_text(
            "#drain-text-left", "40 of 40 clients have left. The server is drained."
        )
        self.wait_for_text("#count-sessions", "0")
        self.wait_for_text("#session-table .empty", "Nobody is logged in.")

    def test_token(self):
        """A form asks for the token, which stays in the tab, and goes with it."""
        server = self.serve("--sessions", 2, "--token", TOKEN)
        self.browser.open(server.url)
        self.wait_for_focus("token: The token of the administration")
        self.browser.press("ESCAPE", "ESCAPE", *"wrong-wrong-wrong", "ENTER")
        self.wait_for_text("#token-why", "The token is wrong.")
        self.assertEqual(self.browser.texts(ROWS), [])
        self.wait_for_focus("token: The token of the administration")
        self.browser.press(*TOKEN, "ENTER")
        self.wait_for_texts(NAMES, ["ada1", "barbara2"])
        self.browser.reload()
        self.wait_for_texts(NAMES, ["ada1", "barbara2"])
        self.assertEqual(
            self.browser.run("return [document.cookie, localStorage.length]"), ["", 0]
        )
        # The console has the answers 401.
        self.assertTrue(all("401" in each for each in self.browser.errors()))
        self.browser.move_to_new_tab(server.url)
        self.wait_for_focus("token: The token of the administration")
