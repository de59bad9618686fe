"""
What docs/architecture.md says of the modules is so.
"""

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parent.parent
DOCUMENT = (ROOT / "docs" / "architecture.md").read_text("utf-8")


def listed():
    """Each module that the document lists, under the heading of its package."""
    text = DOCUMENT.partition("\n## Modules\n")[2].partition("\n## ")[0]
    sections = re.split(r"^### `([\w.]+)`$", text, flags=re.MULTILINE)[1:]
    return [
        f"{package}.{name}"
        for package, section in zip(sections[::2], sections[1::2], strict=True)
        for name in re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    ]


def present():
    """Each module that there is, but for packages."""
    return [
        ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
        for path in (ROOT / "src" / "pbrealm").rglob("*.py")
        if path.name != "__init__.py"
    ]


class ModuleTests(SynchronousTestCase):
    def test_modules(self):
        """The document lists each module, once, and no other."""
        missing, gone = set(present()) - set(listed()), set(listed()) - set(present())
        self.assertEqual((missing, gone), (set(), set()))
        self.assertEqual(len(listed()), len(present()))
