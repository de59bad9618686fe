"""
Closing realms, from the outermost to those that find the avatars, each with the last of the
servers that serve it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any, Final, Protocol, runtime_checkable
from weakref import WeakSet

from twisted.internet.defer import CancelledError, Deferred, DeferredList, maybeDeferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from pbrealm._cancellable import cancellable
from pbrealm._error_text import describe
from pbrealm.interfaces import IClosableRealm

_log = Logger()


class Server(Protocol):
    """A server, as far as its realms depend on it."""

    @property
    def realm(self) -> Any:
        """That of its portal."""

    @property
    def reached(self) -> WeakSet[Any]:
        """Realms that logins have reached by way of hand-written ones."""

    @property
    def serving(self) -> bool:
        """Whether it has clients, or may get some."""


@runtime_checkable
class HasRealmsWithin(Protocol):
    """A realm that passes logins on to others."""

    def realms_within(self) -> Iterable[Any]:
        """The realms that it closes when it is closed."""


_servers: Final[WeakSet[Server]] = WeakSet()

_BY_SERVER: Final[ContextVar[bool]] = ContextVar("pbrealm.closed_by_server", default=False)
"""Whether it is a server that closes its realms."""


def add_server(server: Server) -> None:
    """Have the realms of a server stay open while it serves."""
    _servers.add(server)


def close_realms(server: Server) -> Deferred[None]:
    """
    Close the realms of a server that serves no longer, but for those that another server serves.

    @return: as of L{close}.
    """
    for other in _serving():
        if other.realm is server.realm:
            # It would find these only by logins of its own.
            other.reached.update(server.reached)
            return succeed(None)
    token = _BY_SERVER.set(True)
    try:
        return close_all([server.realm, *server.reached])
    finally:
        _BY_SERVER.reset(token)


def close(realm: Any) -> Deferred[None]:
    """
    Close a realm, if it is an L{IClosableRealm}.

    Where a server closes its realms, those stay open that another server serves.  A program that
    closes a realm itself closes all of them.

    @return: fires when it is closed, and never fails.  Cancel it to wait no longer.
    """
    if not IClosableRealm.providedBy(realm) or (_BY_SERVER.get() and _is_served(realm)):
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


def _serving() -> list[Server]:
    return [server for server in _servers if server.serving]


def _is_served(realm: object) -> bool:
    return any(
        each is realm
        for server in _serving()
        for outer in (server.realm, *server.reached)
        for each in _with_realms_within(outer)
    )


def _with_realms_within(realm: Any) -> Iterator[Any]:
    yield realm
    # Those of a hand-written realm aren't known.
    if isinstance(realm, HasRealmsWithin):
        for each in realm.realms_within():
            yield from _with_realms_within(each)


def _not_closed(why: Failure, realm: object) -> None:
    if not isinstance(why.value, CancelledError):
        _log.error("{realm} failed to close: {why}", realm=realm, why=describe(why.value))
