"""
The page of the administration, in a browser.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.browser import the_browser
from tests.integration.processes import ROOT

TOKEN = "correct-horse-battery"

ROWS = "#session-table tbody tr"
NAMES = "#session-table tbody th bdi"
ENDS = "#end-table tbody tr"


class Server:
    """
    The server that the page is of.
    """

    def __init__(self, *arguments: object) -> None:
        self._process: Any = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.admin_page_server", *map(str, arguments)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self.line().split()[-1])
        self.url = f"http://127.0.0.1:{self.port}/"

    def line(self) -> str:
        """The next line that it writes."""
        line: str = self._process.stdout.readline()
        assert line, "the server has ended"
        return line

    def command(self, command: str) -> None:
        """Have it do something; see L{tests.integration.admin_page_server}."""
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()

    def stop(self) -> None:
        """End it, at once."""
        self._process.kill()
        self._process.communicate()


class PageTestCase(SynchronousTestCase):
    """
    A test with a browser, in whose console there are no errors at the end.
    """

    def setUp(self) -> None:
        self.browser = the_browser()

    def serve(self, *arguments: object) -> Server:
        """Start a server."""
        server = Server(*arguments)
        self.addCleanup(server.stop)
        return server

    def show(self, *arguments: object, sessions: int | None = None) -> Server:
        """Start a server, and open its page."""
        server = self.serve(*arguments)
        self.browser.open(server.url)
        self.addCleanup(lambda: self.assertEqual(self.browser.errors(), []))
        self.wait_for_text("#state", "serving")
        if sessions is not None:
            self.wait_for_text("#count-sessions", f"{sessions:,}")
        return server

    def wait_for_text(self, selector: str, expected: str) -> None:
        """Wait until an element shows this text."""
        self.browser.wait(lambda: self.browser.text(selector), lambda text: text == expected)

    def wait_for_texts(self, selector: str, expected: Sequence[str]) -> None:
        """Wait until the elements that a selector finds show these texts."""
        self.browser.wait(lambda: self.browser.texts(selector), lambda texts: texts == expected)

    def wait_for_focus(self, expected: str) -> None:
        """Wait until the focus is there."""
        self.browser.wait(self.browser.focus, lambda focus: focus == expected)


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
        self.assertEqual(self.browser.text("#session-table .empty"), "Nobody is logged in.")

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


class AppearanceTests(PageTestCase):
    def test_plots(self):
        """There is one of each count over the last hour, with its words."""
        self.show("--steps", 360)
        self.browser.wait(lambda: self.browser.texts("#plots figure"), len)
        labels = self.browser.run(
            "return [...document.querySelectorAll('#plots svg')].map((each) => each.ariaLabel)"
        )
        self.assertEqual(
            labels,
            [
                "Sessions over the last hour: now 10,000, at most 12,500",
                "Logins over the last hour: last minute 18, at most 84",
                "Refusals over the last hour: last minute 0, at most 3",
                "Ends over the last hour: last minute 48, at most 54",
            ],
        )
        self.wait_for_text("#count-logins", "18")

    def test_no_plots(self):
        """Nothing is shown where the server has yet to count."""
        self.show("--steps", 0, "--sessions", 1, sessions=1)
        self.assertEqual(self.browser.text("#rates"), "")
        self.assertEqual(self.browser.text("#count-logins"), "0")

    def test_plots_of_a_real_server(self):
        """There are plots once the server has counted for some seconds."""
        server = self.show("--sessions", 3, sessions=3)
        server.command("end 1")
        self.browser.wait(
            lambda: self.browser.texts("#plots figcaption b"),
            lambda texts: texts == ["2", "3", "0", "1"],
            timeout=40,
        )

    def test_plots_of_a_young_server(self):
        """What there is of the last hour, a quarter of it here, is at the right."""
        self.show("--steps", 90)
        self.browser.wait(lambda: self.browser.texts("#plots figure"), len)
        boxes = self.browser.run(
            "return [...document.querySelectorAll('#plots .line, #plots .bars')]"
            ".map((each) => each.getBBox().x)"
        )
        self.assertEqual([round(x) for x in boxes], [180] * 4)

    def test_sizes_and_schemes(self):
        """Nothing is wider than a phone; all text has enough contrast, in light and dark."""
        self.show("--sessions", 30, "--hostile", "--steps", 360, sessions=34)
        for dialog in (None, "details-dialog", "kick-dialog", "drain-dialog", "token-dialog"):
            if dialog is not None:
                self.browser.run("document.getElementById(arguments[0]).showModal()", dialog)
            for width in (1200, 360):
                for scheme in ("light", "dark"):
                    with self.subTest(dialog=dialog, width=width, scheme=scheme):
                        self.browser.resize(width, 800, scheme)
                        self.assertEqual(self.too_wide(), [])
                        self.assertEqual(self.too_faint(), [])
            if dialog is not None:
                self.browser.run("document.getElementById(arguments[0]).close()", dialog)

    def too_wide(self) -> Sequence[str]:
        """The elements that go beyond the screen."""
        found: list[str] = self.browser.run(
            "const width = document.documentElement.clientWidth;"
            "return [...document.body.querySelectorAll('*:not(.skip, .unseen, .unseen *)')]"
            "  .filter((each) => each.getBoundingClientRect().right > width + 0.5)"
            "  .map((each) => each.outerHTML.slice(0, 100))"
        )
        return found

    def too_faint(self) -> Sequence[str]:
        """The elements whose text has a contrast below 4.5, the AA of WCAG."""
        found: list[str] = self.browser.run(
            "const parts = (color) => color.match(/[\\d.]+/g).map(Number);"
            "const light = (part) => (part /= 255) <= 0.04045 ? part / 12.92"
            "  : ((part + 0.055) / 1.055) ** 2.4;"
            "const luminance = ([red, green, blue]) =>"
            "  0.2126 * light(red) + 0.7152 * light(green) + 0.0722 * light(blue);"
            "const ground = (element) => {"
            "  for (; element; element = element.parentElement) {"
            "    const color = parts(getComputedStyle(element).backgroundColor);"
            "    if (color.length === 3 || color[3] === 1) return color;"
            "  }"
            "  throw new Error('no ground');"
            "};"
            "const hasText = (element) => [...element.childNodes].some("
            "  (node) => node.nodeType === Node.TEXT_NODE && node.data.trim());"
            "return [...document.body.querySelectorAll('*')]"
            "  .filter((each) => hasText(each) && each.checkVisibility() && !each.disabled)"
            "  .map((each) => {"
            "    const [one, other] = [parts(getComputedStyle(each).color), ground(each)]"
            "      .map(luminance).sort((a, b) => b - a);"
            "    return [(one + 0.05) / (other + 0.05), each.outerHTML.slice(0, 100)];"
            "  })"
            "  .filter(([contrast]) => contrast < 4.5)"
            "  .map(([contrast, html]) => `${contrast.toFixed(2)}: ${html}`)"
        )
        return found

    def test_names_and_roles(self):
        """What a screen reader tells of has a name, and the page has its landmarks."""
        self.show("--sessions", 3, "--steps", 360, sessions=3)
        self.browser.click(f"{ROWS} .kick button")
        in_dialog = self.accessible()
        self.browser.press("ESCAPE")
        on_page = self.accessible()
        for role, name in [*in_dialog, *on_page]:
            if role in NAMED_ROLES:
                self.assertTrue(name, role)
        self.assertIn(("dialog", "Kick this client?"), in_dialog)
        for expected in (
            ("button", "Kick ada1"),
            ("columnheader", "Avatar id"),
            ("heading", "Sessions"),
            ("rowheader", "ada1"),
            ("search", "Filter the sessions"),
            ("searchbox", "Avatar id contains"),
            ("spinbutton", "Seconds"),
            ("table", "Sessions"),
        ):
            self.assertIn(expected, on_page)
        roles = [role for role, _ in on_page]
        self.assertEqual((roles.count("main"), roles.count("banner")), (1, 1))
        self.assertEqual(
            self.browser.run(
                "const ids = [...document.querySelectorAll('[id]')].map((each) => each.id);"
                "return [document.documentElement.lang, ids.length - new Set(ids).size]"
            ),
            ["en", 0],
        )

    def accessible(self) -> Sequence[tuple[str, str]]:
        """The roles and names of all that a screen reader tells of."""
        tree = self.browser.devtools("Accessibility.getFullAXTree")["nodes"]
        return [
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in tree
            if not node["ignored"]
        ]


NAMED_ROLES = (
    "button",
    "checkbox",
    "columnheader",
    "combobox",
    "dialog",
    "heading",
    "img",
    "image",
    "link",
    "navigation",
    "progressbar",
    "rowheader",
    "search",
    "searchbox",
    "spinbutton",
    "table",
    "textbox",
)
