"""
How the page looks, and what a screen reader tells of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.integration.admin_page.page_case import ROWS, PageTestCase


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
