"""
Closing realms, from the outermost to those that find the avatars.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, DeferredList, maybeDeferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from pbrealm._cancellable import cancellable
from pbrealm._error_text import describe
from pbrealm.interfaces import IClosableRealm

_log = Logger()


def close(realm: Any) -> Deferred[None]:
    """
    Close a realm, if it is an L{IClosableRealm}.

    @return: fires when it is closed, and never fails.  Cancel it to wait no longer.
    """
    if not IClosableRealm.providedBy(realm):
        return succeed(None)
    return cancellable(maybeDeferred(lambda: realm.close())).addCallbacks(
        lambda _: None, _not_closed, errbackArgs=(realm,)
    )


def close_all(realms: Iterable[Any]) -> Deferred[None]:
    """
    Close several realms side by side.

    @return: as of L{close}.
    """
    closed: Deferred[Any] = DeferredList([close(realm) for realm in realms])
    return closed.addCallback(lambda _: None)


def _not_closed(why: Failure, realm: object) -> None:
    if not isinstance(why.value, CancelledError):
        _log.error("{realm} failed to close: {why}", realm=realm, why=describe(why.value))
