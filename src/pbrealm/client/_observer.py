"""
The program's observer of a service's logins.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from pbrealm._arguments import described
from pbrealm._log_text import bounded_failure
from pbrealm._types import AnyLoginObserver
from pbrealm.interfaces import ILoginObserver

_log = Logger(namespace="pbrealm")


class Observer:
    """
    Tells an observer, if there is one.  What it fails with is logged.
    """

    __slots__ = ("_observer",)

    def __init__(self, observer: AnyLoginObserver | None) -> None:
        """
        @raise TypeError: if it doesn't have the methods of L{ILoginObserver}.
        """
        if observer is not None:
            _check(observer)
        self._observer: Any = observer

    def tell(self, method: str, *args: Any) -> None:
        """Call one of its methods, which may be a coroutine function."""
        if self._observer is None:
            return
        told = maybeDeferred(getattr(self._observer, method), *args)
        told.addErrback(self._log_failed, method)

    def _log_failed(self, why: Failure, method: str) -> None:
        why, who = bounded_failure(why), self._observer
        _log.failure("{method} of {observer} failed", why, method=method, observer=who)


def _check(observer: Any) -> None:
    missing = [
        name for name in ILoginObserver.names() if not callable(getattr(observer, name, None))
    ]
    if missing or isinstance(observer, type):
        raise TypeError(
            "observer must have the methods of ILoginObserver, "
            f"{', '.join(sorted(ILoginObserver.names()))}, not be {described(observer)}"
        )
