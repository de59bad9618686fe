"""
No module imports itself by way of others.

Imports for typing count, and so do those within functions: a reader has to follow both.  The
layers are checked by import-linter, which looks at packages and not at each module.
"""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

SOURCE = Path(__file__).parent.parent / "src"


def module_names():
    """Each module and package of pbrealm, with its file."""
    names = {}
    for path in (SOURCE / "pbrealm").rglob("*.py"):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def imports_of(source, name, is_package, known):
    """
    The modules of C{known} that a module imports.

    That importing C{a.b} runs C{a} first is left out: every module would import its package.
    """
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = name.split(".")[: None if is_package else -1]
                package = package[: len(package) - node.level + 1]
                base = ".".join([*package, base] if base else package)
            for alias in node.names:
                submodule = f"{base}.{alias.name}"
                found.add(submodule if submodule in known else base)
    return found & known


def cycle(graph):
    """The names of the modules on a cycle, or none of them."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


class ImportTests(SynchronousTestCase):
    def test_no_cycle(self):
        modules = module_names()
        graph = {
            name: imports_of(
                path.read_text("utf-8"), name, path.name == "__init__.py", set(modules)
            )
            for name, path in modules.items()
        }
        self.assertIn("pbrealm.errors", graph["pbrealm"])
        self.assertEqual(cycle(graph), [])

    def test_cycle_found(self):
        """Typing-only, local and relative imports are seen."""
        known = {"p", "p.a", "p.b", "p.c", "p.d"}
        sources = {
            "p": "",
            "p.a": "if TYPE_CHECKING:\n    from p.b import B",
            "p.b": "def f():\n    import p.c",
            "p.c": "from . import d",
            "p.d": "from .a import A",
        }
        graph = {name: imports_of(sources[name], name, name == "p", known) for name in sources}
        self.assertEqual(set(cycle(graph)), known - {"p"})
