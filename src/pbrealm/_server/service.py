"""
The service that listens, and stops in an orderly way.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any, TypeAlias

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure

from pbrealm._addresses import format_address
from pbrealm._arguments import check_seconds, described
from pbrealm._endpoint_strings import endpoint_of, several
from pbrealm._error_text import describe
from pbrealm._server.endpoints import parse_endpoint
from pbrealm._server.factory import ServerFactory
from pbrealm._types import AnyEndpoint

_log = Logger(namespace="pbrealm")

Endpoint: TypeAlias = "AnyEndpoint | str"


class _State(Enum):
    NEW = "new"
    STARTING = "starting"
    STARTED = "started"
    STOPPED = "stopped"


class ServerService(Service):
    """
    Serves a factory at an endpoint, or at several.

    To stop, it stops listening, ends all sessions, closes all connections, and has the realms
    retire their avatars and states, in this order.
    Each step takes a bounded time.
    """

    def __init__(
        self,
        endpoint: Endpoint | Iterable[Endpoint],
        factory: ServerFactory,
        *,
        patience: float = 10,
        reactor: Any = None,
    ) -> None:
        """
        @param endpoint: where to listen: an endpoint, an endpoint string, or several of them.  A
            string gets a queue of 4,096 connections that wait to be accepted, unless it says
            otherwise with C{backlog=}.
        @param patience: seconds that avatars and states get in all to detach and to retire when
            the service stops.
        @param reactor: by default the global one.
        @raise TypeError: if an argument is of the wrong kind.
        @raise ValueError: if a string isn't an endpoint string, or C{patience} is negative or
            too large.
        """
        if not isinstance(factory, ServerFactory):
            raise TypeError(
                f"factory must be a ServerFactory, such as ServerFactory(portal), "
                f"not {described(factory)}"
            )
        check_seconds("patience", patience)
        if reactor is None:
            # Installs a reactor if there is none yet, so not before it's needed.
            from twisted.internet import reactor
        self.factory = factory
        self._patience = patience
        self._reactor = reactor
        self._endpoints = [_checked(each, reactor) for each in several(endpoint)]
        if not self._endpoints:
            raise ValueError("endpoint must be an endpoint or several, not none")
        self._ports: list[Deferred[IListeningPort | None]] = []
        self._state = _State.NEW
        self._failure: Failure | None = None

    def privilegedStartService(self) -> None:
        """
        Listen at all endpoints.

        @raise Exception: what the endpoint fails with, such as L{CannotListenError
            <twisted.internet.error.CannotListenError>}, if it does so at once.  If an endpoint
            fails later, the service logs the failure and stops the reactor.
        @raise RuntimeError: if the service was stopped before.
        """
        if self._state is _State.STOPPED:
            raise RuntimeError(
                "a ServerService can't be started again: make another, with a ServerFactory and "
                "realms of its own"
            )
        super().privilegedStartService()
        self._state = _State.STARTING
        for endpoint in self._endpoints:
            port: Deferred[Any] = maybeDeferred(endpoint.listen, self.factory)
            self._ports.append(port)
            port.addCallbacks(_has_listened, self._has_failed)
        if self._failure is not None:
            self._state = _State.NEW
            why, self._failure = self._failure, None
            self._stop_listening()
            why.raiseException()
        self._state = _State.STARTED
        self.factory.add_listener(self._stop_listening)

    def startService(self) -> None:
        """
        Listen at all endpoints, unless L{privilegedStartService} has done so: C{twistd} calls it
        first, and C{twist} doesn't.
        """
        if self._state is not _State.STARTED:
            self.privilegedStartService()
        super().startService()

    def when_listening(self) -> Deferred[bool]:
        """
        Wait until it listens at all endpoints, after it was started.

        @return: fires with whether it does, and never fails.
        """
        listening = DeferredList(self._ports)
        return listening.addCallback(
            lambda results: self._state is _State.STARTED and all(done for done, _ in results)
        )

    def _has_failed(self, why: Failure) -> None:
        if why.check(CancelledError):
            return
        if self._state is _State.STARTING:
            self._failure = self._failure or why
        elif self._state is _State.STARTED:
            _log.critical(
                "the program stops, since it can't listen: {problem}", problem=describe(why.value)
            )
            self._reactor.callWhenRunning(self._reactor.stop)

    def stopService(self) -> Deferred[None]:
        """
        Stop listening, end all sessions, close all connections, and retire all avatars and
        states.

        @return: fires when all of that is done, and never fails.
        """
        super().stopService()
        self._state = _State.STOPPED
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await self._stop_listening()
        await self.factory.close(self._patience)

    def _stop_listening(self) -> Deferred[Any]:
        ports, self._ports = self._ports, []
        for port in ports:
            port.cancel()
            port.addCallback(lambda listening: listening and listening.stopListening())
        return DeferredList(ports, consumeErrors=True)


def _checked(endpoint: Endpoint, reactor: Any) -> IStreamServerEndpoint:
    checked: IStreamServerEndpoint = endpoint_of(
        endpoint,
        lambda text: parse_endpoint("endpoint", text, reactor),
        IStreamServerEndpoint,
        purpose="listen at",
        example="tcp:8787",
    )
    return checked


def _has_listened(port: IListeningPort) -> IListeningPort:
    _log.info("listening on {address}", address=format_address(port.getHost()))
    return port
