"""
Importing the objects whose dotted names are given as options, such as C{myapp.Player}.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

from twisted.python.reflect import qual
from twisted.python.usage import UsageError

from pbrealm._error_text import describe


def import_option(option: str, path: str) -> Any:
    """
    Import the object that the value of an option names.  The working directory is searched first,
    as by C{python -m}.

    @param option: the name of the option without its dashes.
    @raise UsageError: if there is no such object, or an import fails.
    """
    # twistd and twist are scripts: by default Python searches the directory that they are in.
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return import_name(path)
    except LookupError as why:
        raise UsageError(f"--{option} {path}: {why}") from why


def import_factory(option: str, path: str) -> Callable[..., Any]:
    """
    Import the class, or the other callable, that the value of an option names.

    @param option: the name of the option without its dashes.
    @raise UsageError: if the import fails, or the object isn't callable.
    """
    factory = import_option(option, path)
    if not callable(factory):
        raise UsageError(
            f"--{option} {path} must name a class or another callable, "
            f"not an object of type {qual(type(factory))}"
        )
    found: Callable[..., Any] = factory
    return found


def import_name(path: str) -> Any:
    """
    Import the object that a dotted name leads to: a module, or an attribute of an object that the
    name without its last part leads to.

    @raise LookupError: with a text that says which part of the name doesn't exist, or with which
        exception the import of a module failed.
    """
    names = path.split(".")
    if len(names) < 2 or not all(name.isidentifier() for name in names):
        raise LookupError(f"{path!r} is not a dotted name such as myapp.Player")
    found: Any = _import_module(names[0])
    if found is None:
        raise LookupError(f"there is no module {names[0]}")
    for index in range(1, len(names)):
        found = _get(found, names, index)
    return found


def _get(parent: Any, names: list[str], index: int) -> Any:
    name, parent_path = names[index], ".".join(names[:index])
    if hasattr(parent, name):
        return getattr(parent, name)
    if not isinstance(parent, ModuleType):
        raise LookupError(f"{parent_path} has no attribute {name}")
    if hasattr(parent, "__path__"):
        submodule = _import_module(f"{parent_path}.{name}")
        if submodule is not None:
            return submodule
        if index < len(names) - 1:
            raise LookupError(f"there is no module {parent_path}.{name}")
    raise LookupError(f"the module {parent_path} has no attribute {name}")


def _import_module(path: str) -> ModuleType | None:
    try:
        return import_module(path)
    except Exception as why:
        # The module itself may exist, and import another one that doesn't.
        if isinstance(why, ModuleNotFoundError) and why.name == path:
            return None
        raise LookupError(f"importing {path} failed with {describe(why)}") from why
