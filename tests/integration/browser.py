"""
A real browser: Debian's chromium without a window, driven by Selenium.
"""

from __future__ import annotations

import atexit
import os
import shutil
import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

from twisted.trial.unittest import SkipTest

TIMEOUT = 20.0
"""Seconds that the page has for what is waited for."""

T = TypeVar("T")


class Browser:
    """
    A browser with one page.
    """

    def __init__(self) -> None:
        """
        @raise SkipTest: where there is no browser, or nothing that drives it.
        """
        try:
            from selenium import webdriver
            from selenium.webdriver.chrome.service import Service
        except ImportError:
            raise SkipTest("selenium isn't installed: pip install '.[dev]'") from None
        chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
        if chromium is None or driver is None:
            raise SkipTest("there is no browser: apt-get install chromium chromium-driver")
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        for argument in ("--headless=new", "--disable-dev-shm-usage", "--disable-gpu"):
            options.add_argument(argument)
        if os.getuid() == 0:
            options.add_argument("--no-sandbox")  # chromium's can't be set up by root
        self._driver: Any = webdriver.Chrome(options=options, service=Service(driver))

        self._watch_tasks()

    def quit(self) -> None:
        """End the browser."""
        self._driver.quit()

    def open(self, url: str) -> None:
        """Open a page, on a screen of the usual size."""
        self._driver.get("about:blank")
        self._driver.get_log("browser")
        self.resize(1200, 900)
        self._driver.get(url)

    def move_to_new_tab(self, url: str) -> None:
        """Open a page in a new tab, and close the one before."""
        before = self._driver.current_window_handle
        self._driver.switch_to.new_window("tab")
        opened = self._driver.current_window_handle
        self._driver.switch_to.window(before)
        self._driver.close()
        self._driver.switch_to.window(opened)
        self._watch_tasks()
        self._driver.get(url)

    def reload(self) -> None:
        """Load the page anew, in the same tab."""
        self._driver.refresh()

    def errors(self) -> Sequence[str]:
        """What the console has of errors and of violations of the policy, since the last call."""
        return [
            entry["message"]
            for entry in self._driver.get_log("browser")
            if entry["level"] in ("SEVERE", "WARNING")
        ]

    def run(self, script: str, *arguments: object) -> Any:
        """Run the body of a function in the page, and get what it returns."""
        return self._driver.execute_script(script, *arguments)

    def text(self, selector: str) -> str:
        """The text that an element shows; nothing if it shows none."""
        shown: str = self.run(
            "const it = document.querySelector(arguments[0]);"
            "return it?.checkVisibility() ? it.innerText : ''",
            selector,
        )
        return shown

    def texts(self, selector: str) -> Sequence[str]:
        """The texts of all elements that a selector finds."""
        shown: list[str] = self.run(
            "return [...document.querySelectorAll(arguments[0])].map((each) => each.innerText)",
            selector,
        )
        return shown

    def click(self, selector: str) -> None:
        """Click on an element."""
        self._find(selector).click()

    def write(self, selector: str, text: str) -> None:
        """Replace the text of a field by what is typed."""
        field = self._find(selector)
        field.clear()
        field.send_keys(text)

    def press(self, *keys: str) -> None:
        """Press keys, named as C{TAB} or one character each, where the focus is."""
        from selenium.webdriver import ActionChains
        from selenium.webdriver.common.keys import Keys

        for key in keys:
            ActionChains(self._driver, duration=0).send_keys(getattr(Keys, key, key)).perform()

    def focus(self) -> str:
        """A text or label of what has the focus, after its id if there is one."""
        described: str = self.run(
            "const it = document.activeElement;"
            "return [it.id, (it.labels?.[0] ?? it).innerText.trim().replace(/\\s+/g, ' ')]"
            ".filter(Boolean).join(': ')"
        )
        return described

    def devtools(self, command: str, **arguments: object) -> Any:
        """Have the browser do what pages can't, by a command of the DevTools protocol."""
        return self._driver.execute_cdp_cmd(command, arguments)

    def resize(self, width: int, height: int, scheme: str = "light") -> None:
        """Show the page as on a screen of this size, in C{light} or C{dark}."""
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.devtools("Emulation.setEmulatedMedia", features=[feature])

    def screenshot(self, path: str) -> None:
        """Write a picture of what is visible to a PNG file."""
        self._driver.save_screenshot(path)

    def wait(
        self, read: Callable[[], T], accept: Callable[[T], Any], timeout: float = TIMEOUT
    ) -> T:
        """
        Read a value of the page again and again until it is accepted.

        @raise AssertionError: with the last value, if the timeout passes.
        """
        deadline = time.monotonic() + timeout
        while True:
            value = read()
            if accept(value):
                return value
            if time.monotonic() > deadline:
                raise AssertionError(f"after {timeout} s: {value!r}; console: {self.errors()}")
            # The driver of the browser blocks, so no reactor runs here that could wait.
            time.sleep(0.02)

    def longest_task(self) -> float:
        """Milliseconds for which the page didn't react, at most."""
        longest: float = self.run("return window.longestTask")
        return longest

    def _watch_tasks(self) -> None:
        """Note the longest task of each page of the tab, from before its own first one."""
        self.devtools(
            "Page.addScriptToEvaluateOnNewDocument",
            source="window.longestTask = 0;"
            "new PerformanceObserver((list) => {"
            "  for (const task of list.getEntries())"
            "    window.longestTask = Math.max(window.longestTask, task.duration);"
            "}).observe({ type: 'longtask' });",
        )

    def _find(self, selector: str) -> Any:
        return self._driver.find_element("css selector", selector)


@cache
def the_browser() -> Browser:
    """
    The one that all tests share, since it takes a second to start.

    @raise SkipTest: where there is none.
    """
    # Not by setUpClass, which trial doesn't call.
    browser = Browser()
    atexit.register(browser.quit)
    return browser
