"""
The service that the command runs: it listens at its endpoints, and stops in an orderly way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.application.service import IService, Service
from twisted.cred.portal import Portal
from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure

from pbrealm._addresses import format_address
from pbrealm._command.error_text import describe
from pbrealm._command.options import Options
from pbrealm._command.realm import make_realm
from pbrealm._server.factory import ServerFactory
from pbrealm.realms._journal import JournalRealm

_log = Logger(namespace="pbrealm")


def makeService(options: Options) -> IService:
    """
    Make the service that the options ask for.
    """
    # Installs a reactor if there is none yet, so not before the command has chosen one.
    from twisted.internet import reactor

    portal = Portal(JournalRealm(make_realm(options.realm_options)), options.checkers)
    factory = ServerFactory(portal, options.limits, options.backlog)
    return PBService(options.endpoints, factory, reactor)


class CannotListen(SystemExit, Exception):
    """
    It's impossible to listen at an endpoint: ends the process with a message and exit status 1.

    The message begins with the cause, since the parent of a daemon shows 100 bytes of it only.
    As a L{SystemExit} it's shown without a traceback.  As an L{Exception} it makes C{twistd}
    remove its pidfile, and makes a daemon report the message to its parent process.
    """


class PBService(Service):
    """
    Serves a factory at some endpoints.

    To stop, it stops listening, ends all sessions and closes all connections, in this order.
    Each step takes a bounded time.
    """

    def __init__(
        self,
        endpoints: Iterable[tuple[str, IStreamServerEndpoint]],
        factory: ServerFactory,
        reactor: Any,
    ) -> None:
        """
        @param endpoints: where to listen, each with a name for messages.
        @param reactor: stopped if it turns out late that listening at an endpoint is impossible.
        """
        self.factory = factory
        self._endpoints = list(endpoints)
        self._reactor = reactor
        self._ports: list[Deferred[IListeningPort | None]] = []
        self._starting = False
        self._failure: CannotListen | None = None

    def privilegedStartService(self) -> None:
        """
        Listen at all endpoints.

        @raise CannotListen: if an endpoint fails at once.  If an endpoint fails later, the
            service logs the failure and stops the reactor.
        """
        super().privilegedStartService()
        self._starting = True
        for name, endpoint in self._endpoints:
            port: Deferred[Any] = endpoint.listen(self.factory)
            self._ports.append(port)
            port.addCallbacks(self._has_listened, self._has_failed, errbackArgs=(name,))
        self._starting = False
        if self._failure is not None:
            self._stop_listening()
            raise self._failure

    def startService(self) -> None:
        """
        Listen at all endpoints, unless L{privilegedStartService} has done so: C{twistd} calls it
        first, and C{twist} doesn't.
        """
        if not self._ports:
            self.privilegedStartService()
        super().startService()

    def _has_listened(self, port: IListeningPort) -> IListeningPort:
        _log.info("listening on {address}", address=format_address(port.getHost()))
        return port

    def _has_failed(self, why: Failure, name: str) -> None:
        if why.check(CancelledError):
            return
        failure = CannotListen(f"pbrealm: {_reason(why.value)}: cannot listen on {name}")
        if self._starting:
            self._failure = self._failure or failure
        else:
            _log.critical("{problem}", problem=str(failure))
            self._reactor.stop()

    def stopService(self) -> Deferred[None]:
        """
        Stop listening, end all sessions and close all connections.

        @return: fires when the last connection is closed, and never fails.
        """
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await self._stop_listening()
        await self.factory.close()

    def _stop_listening(self) -> Deferred[Any]:
        ports, self._ports = self._ports, []
        for port in ports:
            port.cancel()
            port.addCallback(lambda listening: listening and listening.stopListening())
        return DeferredList(ports, consumeErrors=True)


def _reason(error: BaseException | None) -> str:
    if isinstance(error, CannotListenError):
        error = error.socketError
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return describe(error).rstrip(".")
