"""
What the page shows of sessions and ends, also of very many.
"""

from __future__ import annotations

import time

from tests.integration.admin_page.page_case import ENDS, NAMES, ROWS, PageTestCase


class TableTests(PageTestCase):
    def test_hostile_names(self):
        """Names are shown as text, and what is not printable is escaped."""
        self.show("--hostile", sessions=4)
        self.wait_for_texts(
            NAMES,
            [
                "<script>alert(1)</script>",
                r"\u202eback\x1b[31m\x00wards",
                "\u05e9\u05dc\u05d5\u05dd",
                "x" * 200 + "\u2026",
            ],
        )
        self.assertEqual(self.browser.run("return document.scripts.length"), 1)
        # In the dialogs, too.
        self.browser.click(f"{ROWS} .link")
        self.wait_for_text("#details-title", "<script>alert(1)</script>")
        self.browser.click("#details-kick")
        self.wait_for_text(
            "#kick-who", "<script>alert(1)</script> from 192.0.2.2:40001, session 1"
        )
        self.browser.press("ENTER")
        self.wait_for_text("#news", "<script>alert(1)</script> was kicked.")
        self.wait_for_texts(f"{ENDS} bdi", ["<script>alert(1)</script>"])

    def test_policy(self):
        """The page can't run a script that isn't a file of the server."""
        self.show()
        self.browser.run(
            "const script = document.createElement('script');"
            "script.textContent = 'window.inserted = true';"
            "document.body.append(script);"
        )
        self.assertIsNone(self.browser.run("return window.inserted"))
        (violation,) = self.browser.errors()
        self.assertIn("Content Security Policy", violation)

    def test_filter(self):
        """By a part of the avatar id, and by the beginning of the address."""
        self.show("--sessions", 100, sessions=100)
        self.browser.write("#filter-avatar", "GRACE")
        self.wait_for_text("#session-table tbody tr:first-child bdi", "grace4")
        self.wait_for_text("#session-table .position", "1 to 11 of 11, out of 100")
        self.browser.write("#filter-peer", "192.0.2.1")
        self.wait_for_texts(NAMES, ["grace13"])
        self.browser.write("#filter-peer", "10.")
        self.wait_for_text("#session-table .empty", "None fits the filter.")
        self.assertEqual(self.browser.texts(ROWS), [])

    def test_sort(self):
        """By each column, both ways; numbers in names as numbers."""
        self.show("--sessions", 30, sessions=30)
        first = "#session-table tbody tr:first-child bdi"
        for column, ascending, descending in (
            ("avatar", "ada1", "radia27"),
            ("session", "ada1", "edsger30"),
            ("peer", "ada1", "edsger30"),
            ("waiting", "ada1", "ada1"),
        ):
            header = f"#session-table thead .{column}"
            pressed = "return document.querySelector(arguments[0]).ariaSort"
            self.browser.click(f"{header} button")
            self.wait_for_text(first, ascending)
            self.assertEqual(self.browser.run(pressed, header), "ascending")
            self.browser.click(f"{header} button")
            self.wait_for_text(first, descending)
            self.assertEqual(self.browser.run(pressed, header), "descending")

    def test_sort_by_age(self):
        """The first that are shown are the youngest, then the oldest."""
        server = self.show("--sessions", 1, sessions=1)
        server.command("login zoe")
        self.wait_for_texts(NAMES, ["ada1", "zoe"])
        self.browser.click("#session-table thead .age button")
        self.wait_for_texts(NAMES, ["zoe", "ada1"])
        self.browser.click("#session-table thead .age button")
        self.wait_for_texts(NAMES, ["ada1", "zoe"])

    def test_pages(self):
        """A page has 25 rows; buttons and keys turn it."""
        self.show("--sessions", 60, sessions=60)
        self.wait_for_text("#session-table .position", "1 to 25 of 60")
        self.browser.click("#session-table .pager button:last-child")
        self.wait_for_text("#session-table .position", "26 to 50 of 60")
        self.browser.click(f"{ROWS}:nth-child(3) .kick button")
        self.browser.press("ESCAPE")
        self.wait_for_focus("Kick ada28")
        self.browser.press("PAGE_DOWN")
        self.wait_for_text("#session-table .position", "51 to 60 of 60")
        self.wait_for_focus("Kick leslie53")

    def test_live(self):
        """Logins, ends, and clients that are away are shown as they happen."""
        server = self.show("--sessions", 2, sessions=2)
        server.command("login carol")
        self.wait_for_texts(NAMES, ["ada1", "barbara2", "carol"])
        server.command("login carol")
        self.wait_for_texts(NAMES, ["ada1", "barbara2", "carol", "carol"])
        self.wait_for_text("#count-avatars", "3")
        server.command("away 3")
        self.wait_for_texts(f"{ROWS} .away", ["connected", "connected", "away", "connected"])
        self.wait_for_text("#count-away", "1")
        server.command("end 3")
        self.wait_for_texts(NAMES, ["ada1", "barbara2", "carol"])
        self.wait_for_text("#count-away", "0")
        self.wait_for_texts(f"{ENDS} .why", ["disconnected"])
        self.assertEqual(self.browser.text("#count-sessions"), "3")

    def test_ends(self):
        """They are listed newest first, and filtered by reason and by name."""
        server = self.serve("--sessions", 5)
        server.command("end 2")
        server.command("end 4")
        self.browser.open(server.url)
        self.wait_for_texts(f"{ENDS} bdi", ["grace4", "barbara2"])
        self.browser.click(f"{ROWS} .kick button")
        self.browser.press("ENTER")
        self.wait_for_texts(f"{ENDS} bdi", ["ada1", "grace4", "barbara2"])
        self.wait_for_texts("#filter-reason option", ["All (3)", "disconnected (2)", "kicked (1)"])
        self.browser.run(
            "const select = document.getElementById('filter-reason');"
            "select.value = 'disconnected'; select.dispatchEvent(new Event('input'))"
        )
        self.wait_for_texts(f"{ENDS} bdi", ["grace4", "barbara2"])
        self.browser.write("#filter-end", "GRACE")
        self.wait_for_texts(f"{ENDS} bdi", ["grace4"])
        self.assertEqual(self.browser.errors(), [])

    def test_connection_lost(self):
        """The page says so, and goes on when the server is back."""
        server = self.serve("--sessions", 3)
        self.browser.open(server.url)
        self.wait_for_text("#count-sessions", "3")
        server.stop()
        self.wait_for_text("#state", "not connected")
        self.assertRegex(
            self.browser.text("#error"),
            r"^The (connection to the server is lost|server can't be reached); "
            r"this page shows what was known before\.$",
        )
        self.browser.errors()
        self.serve("--sessions", 4, "--port", server.port)
        self.wait_for_text("#count-sessions", "4")
        self.wait_for_text("#error", "")
        self.assertEqual(self.browser.text("#state"), "serving")
        # What the console has of it is that the server couldn't be reached.
        self.assertTrue(all("net::ERR_" in each for each in self.browser.errors()))


class CrowdTests(PageTestCase):
    def test_ten_thousand(self):
        """Ten thousand sessions are shown within seconds, and nothing takes long."""
        server = self.serve("--sessions", 10_000)
        began = time.monotonic()
        self.browser.open(server.url)
        self.wait_for_text("#count-sessions", "10,000")
        shown = time.monotonic() - began
        self.wait_for_text("#session-table .position", "1 to 25 of 10,000")
        for column in ("avatar", "peer", "waiting", "age"):
            self.browser.click(f"#session-table thead .{column} button")
        self.browser.write("#filter-avatar", "radia9999")
        self.wait_for_texts(NAMES, ["radia9999"])
        self.browser.write("#filter-avatar", "")
        for number in range(1000):
            server.command(f"end {number + 1}")
            server.command(f"login late{number}")
        self.wait_for_text("#end-table .position", "1 to 25 of 1,000")
        self.wait_for_text("#count-sessions", "10,000")
        longest = self.browser.longest_task()
        print(f"10,000 sessions: shown after {shown:.2f} s, longest task {longest:.0f} ms")
        self.assertLess(shown, 10)
        self.assertLess(longest, 1000)
        self.assertEqual(self.browser.errors(), [])

        self.browser.run(
            "setTimeout(() => { for (let end = Date.now() + 1100; Date.now() < end;); })"
        )
        self.browser.wait(self.browser.longest_task, lambda longest: longest > 1000)
