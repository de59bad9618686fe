"""
The service that the command runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from twisted.application.service import MultiService
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred

from pbrealm._command.options import Options
from pbrealm._command.realm import make_realm
from pbrealm._command.signals import stop_on_signals
from pbrealm._command.store import open_store
from pbrealm._server.factory import ServerFactory
from pbrealm._server.service import ServerService
from pbrealm._server.systemd_service import SystemdService
from pbrealm._types import AnyEndpoint
from pbrealm.realms._journal import JournalRealm

if TYPE_CHECKING:
    from pbrealm.store import SQLiteStore


class CommandService(ServerService):
    """
    The service of a process that serves nothing else, which it may have handle signals.

    The store is open for as long as there are sessions, and until the last avatar has detached
    and retired.
    """

    def __init__(
        self,
        endpoint: Iterable[AnyEndpoint],
        factory: ServerFactory,
        store: SQLiteStore | None = None,
        *,
        changes_user: bool = False,
    ) -> None:
        """
        @param endpoint: where to listen.
        @param store: has the state, if it is stored.
        @param changes_user: whether the process becomes another user's between
            L{privilegedStartService} and L{startService}.
        """
        super().__init__(endpoint, factory)
        self._store = store
        self._changes_user = changes_user

    def privilegedStartService(self) -> None:
        """
        Open the store, and listen.

        @raise CannotStart: if the store can't be used, or the service can't listen.
        """
        # Not earlier: twistd first makes a daemon of the process.  But the file belongs to the
        # user that the process will be.
        if not self._changes_user:
            self._open_store()
        super().privilegedStartService()
        stop_on_signals(self._reactor)

    def startService(self) -> None:
        """
        Open the store and listen, as far as L{privilegedStartService} hasn't, and start.

        @raise CannotStart: if the store can't be used, or the service can't listen.
        """
        self._open_store()
        super().startService()

    def _open_store(self) -> None:
        if self._store is not None:
            open_store(self._store)

    def stopService(self) -> Deferred[None]:
        """
        Stop serving, and then close the store.

        @return: fires when all is saved, and never fails.
        """
        stopped = super().stopService()
        if self._store is not None:
            store = self._store
            stopped.addCallback(lambda _: store.close())
        return stopped


def makeService(options: Options) -> MultiService:
    """
    Make the service that the options ask for.
    """
    wanted = options.realm_options
    realm = make_realm(wanted)
    portal = Portal(JournalRealm(realm), options.checkers)
    factory = ServerFactory(portal, options.limits, options.backlog, goodbye=options.goodbye)
    services = SystemdService()
    if options.admin is not None:
        # Only those who ask for it have to have what it needs.
        from pbrealm._command.admin_service import CommandAdminService

        services.addService(CommandAdminService(realm, factory, options.admin))
    services.addService(
        CommandService(
            options.endpoints, factory, wanted.store, changes_user=changes_user(options)
        )
    )
    return services


def changes_user(options: Options) -> bool:
    """Whether C{twistd} is to give up its privileges; C{twist} can't."""
    twistd: Mapping[str, Any] = options.parent or {}
    return any(twistd.get(option) is not None for option in ("uid", "gid"))
