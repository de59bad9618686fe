"""
From a dotted name on the command line to the object that it names.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any


def import_name(path: str) -> Any:
    """
    Import what a dotted name names.

    @raise LookupError: with a sentence that says what was missing, or what an import failed with.
    """
    names = path.split(".")
    if len(names) < 2 or not all(name.isidentifier() for name in names):
        raise LookupError(f"{path!r} is not a dotted name such as myapp.Player")
    found: Any = _import_from(names[0])
    if found is None:
        raise LookupError(f"there is no module {names[0]}")
    for place in range(1, len(names)):
        found = _step(found, names, place)
    return found


def _step(found: Any, names: list[str], place: int) -> Any:
    name, so_far = names[place], ".".join(names[:place])
    if hasattr(found, name):
        return getattr(found, name)
    if isinstance(found, ModuleType):
        if hasattr(found, "__path__"):
            submodule = _import_from(f"{so_far}.{name}")
            if submodule is not None:
                return submodule
            if place < len(names) - 1:
                raise LookupError(f"there is no module {so_far}.{name}")
        raise LookupError(f"the module {so_far} has no attribute {name}")
    raise LookupError(f"{so_far} has no attribute {name}")


def _import_from(module: str) -> ModuleType | None:
    try:
        return import_module(module)
    except Exception as why:
        # A module that is there may still import one that isn't, which is another mistake.
        if isinstance(why, ModuleNotFoundError) and why.name == module:
            return None
        raise LookupError(f"importing {module} failed with {one_line(why)}") from why


def one_line(error: BaseException | None) -> str:
    """The kind of an error, and the first line of what it says."""
    said = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
