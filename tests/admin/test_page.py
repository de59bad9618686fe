"""
The files of the page.
"""

from __future__ import annotations

import re
from importlib.resources import files

from pbrealm.admin._page import page_operations
from pbrealm.admin._site import HEADERS
from tests.admin.admin_case import AdminTestCase
from tests.admin.memory_http import Response

TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}

DIRECTORY = files("pbrealm.admin").joinpath("static")


class PageTests(AdminTestCase):
    token = "correct-horse-battery"

    def get_file(self, path: str) -> Response:
        """A file, which needs no token."""
        response = self.connect().ask("GET", path)
        self.assertEqual(response.status, 200, path)
        for name, value in HEADERS:
            self.assertEqual(response.headers[name.decode().lower()], value.decode())
        return response

    def test_page(self):
        """It is at the root, and names files that there are."""
        page = self.get_file("/")
        self.assertEqual(page.headers["content-type"], "text/html; charset=utf-8")
        named = re.findall(r'(?:href|src)="(/[^"]*)"', page.body.decode())
        self.assertEqual(set(named), {"/static/icon.svg", "/static/app.css", "/static/app.js"})
        for path in named:
            self.get_file(path)

    def test_imports(self):
        """Each module imports modules that there are, and each is imported."""
        modules = [each for each in DIRECTORY.iterdir() if each.name.endswith(".js")]
        imported = {"app.js"}
        for module in modules:
            for name in re.findall(r'\bfrom "\./([^"]*)"', module.read_text("utf-8")):
                self.get_file(f"/static/{name}")
                imported.add(name)
        self.assertEqual(imported, {module.name for module in modules})

    def test_types(self):
        for operation in page_operations():
            if operation.path != "/":
                response = self.get_file(operation.path)
                suffix = operation.path.rpartition(".")[2]
                self.assertEqual(response.headers["content-type"], TYPES[suffix])

    def test_head(self):
        self.assertEqual(self.connect().ask("HEAD", "/").status, 200)

    def test_not_there(self):
        """What isn't a file of the page needs a token, and isn't there."""
        for path in ("/static/", "/static/none.js", "/static/..%2f_page.py", "/index.html"):
            self.assertEqual(self.connect().ask("GET", path).status, 401, path)

    def test_only_text(self):
        """Nothing in the modules makes HTML or code of text, or asks another site."""
        forbidden = re.compile(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|\bFunction\("
            r"|DOMParser|srcdoc|createContextualFragment|javascript:|localStorage|\.cookie\b"
            r"|https?://(?!www\.w3\.org/2000/svg\b)"
        )
        for each in DIRECTORY.iterdir():
            found = forbidden.findall(each.read_text("utf-8"))
            self.assertEqual(found, [], each.name)


class DescriptionTests(AdminTestCase):
    def test_not_described(self):
        """The page isn't a part of the API."""
        described = set(self.description()["paths"])
        self.assertEqual(described & {each.path for each in page_operations()}, set())
