"""
Takes the pictures of C{docs/operation.md} anew; see C{make screenshots}.
"""

from tests.integration.admin_page.page_case import Server
from tests.integration.browser import Browser
from tests.integration.processes import ROOT

DIRECTORY = ROOT / "docs" / "operation"


def take() -> None:
    """Take them."""
    DIRECTORY.mkdir(exist_ok=True)
    browser, server = Browser(), Server("--sessions", 10_000, "--steps", 360)
    try:
        for number in (17, 423, 1048, 5, 7_777, 1_234):
            server.command(f"away {number}")
        browser.open(server.url)
        browser.resize(1100, 780)
        browser.wait(lambda: browser.text("#count-away"), lambda text: text == "6")
        browser.wait(lambda: browser.texts("#plots figure"), len)
        browser.screenshot(str(DIRECTORY / "page.png"))
        browser.resize(360, 640, "dark")
        browser.write("#filter-avatar", "grace4")
        browser.run("document.getElementById('sessions-title').scrollIntoView()")
        browser.wait(
            lambda: browser.text("#session-table .position"), lambda text: "of 127" in text
        )
        browser.screenshot(str(DIRECTORY / "phone.png"))
        browser.resize(700, 420)
        browser.write("#filter-avatar", "grace4")
        browser.click("#session-table tbody .kick button")
        browser.write("#kick-text", "maintenance, please log in again")
        browser.screenshot(str(DIRECTORY / "kick.png"))
    finally:
        server.stop()
        browser.quit()


if __name__ == "__main__":
    take()
