"""
Warnings of classes that have the methods of an interface, and don't say that they provide it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from twisted.logger import Logger
from twisted.python.reflect import qual

_log = Logger()


@lru_cache(maxsize=1024)
def warn_if_undeclared(avatar_class: Any, interface: Any) -> None:
    """
    Warn, once for each class, of one that has all methods of an interface.

    @param avatar_class: the class of an avatar or state that doesn't provide the interface.
    """
    methods = sorted(interface)
    if all(hasattr(avatar_class, method) for method in methods):
        _log.warn(
            "{avatar_class} has {methods}, but doesn't provide {interface}, so {they} called: "
            "decorate it with @implementer({interface})",
            avatar_class=qual(avatar_class),
            methods=" and ".join(methods),
            interface=interface.__name__,
            they="they aren't" if len(methods) > 1 else "it isn't",
        )
