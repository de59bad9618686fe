"""
The server that the command makes: how it starts to listen, and how it stops.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IListeningPort,
    IStreamServerEndpoint,
)
from twisted.logger import Logger
from twisted.python.failure import Failure

from pbrealm._addresses import format_address
from pbrealm._command.import_name import one_line
from pbrealm._server.factory import ServerFactory

_log = Logger(namespace="pbrealm")


class CannotListen(SystemExit, Exception):
    """
    There is no serving at an endpoint: ends the process with this sentence and exit status 1.

    It's an L{Exception} too because C{twistd} removes its pidfile, and a daemon tells its parent
    what happened, only on one of those; and of what is a L{SystemExit} nobody sees a traceback.
    """


class PBService(Service):
    """
    Serves a factory at some endpoints.

    When it's stopped it listens no more, says goodbye to every client and closes every
    connection, in this order, and takes a bounded time for it.
    """

    def __init__(
        self,
        endpoints: Iterable[tuple[str, IStreamServerEndpoint]],
        factory: ServerFactory,
        reactor: Any,
    ) -> None:
        """
        @param endpoints: where to listen, each with what to call it.
        """
        self.factory = factory
        self._endpoints = list(endpoints)
        self._reactor = reactor
        self._ports: list[Deferred[IListeningPort | None]] = []
        self._starting = False
        self._failure: CannotListen | None = None

    def privilegedStartService(self) -> None:
        """
        Listen.

        @raise CannotListen: if that is known to be impossible at an endpoint.  Where it turns out
            only later, the server logs it and stops.
        """
        super().privilegedStartService()
        self._starting = True
        for name, endpoint in self._endpoints:
            port: Deferred[Any] = endpoint.listen(self.factory)
            self._ports.append(port)
            port.addCallbacks(self._listens, self._does_not_listen, errbackArgs=(name,))
        self._starting = False
        if self._failure is not None:
            self._stop_listening()
            raise self._failure

    def startService(self) -> None:
        """Listen, unless L{privilegedStartService} has been called for it: C{twist} doesn't."""
        if not self._ports:
            self.privilegedStartService()
        super().startService()

    def _listens(self, port: IListeningPort) -> IListeningPort:
        _log.info("listening on {address}", address=format_address(port.getHost()))
        return port

    def _does_not_listen(self, why: Failure, name: str) -> None:
        if why.check(CancelledError):
            return
        failure = CannotListen(f"pbrealm: cannot listen on {name}: {_problem(why.value)}")
        if self._starting:
            self._failure = self._failure or failure
        else:
            _log.critical("{sentence}", sentence=str(failure))
            self._reactor.stop()

    def stopService(self) -> Deferred[None]:
        """
        Stop.

        @return: fires when the last connection is closed; it never fails.
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


def _problem(error: BaseException | None) -> str:
    if isinstance(error, CannotListenError):
        error = error.socketError
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return one_line(error).rstrip(".")
