"""
One endpoint of the administration: the site there, and who may ask it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure

from pbrealm._addresses import format_address
from pbrealm._error_text import describe
from pbrealm.admin._access import Access, check_exposure, is_tls
from pbrealm.admin._operations import Operation
from pbrealm.admin._resource import ApiResource
from pbrealm.admin._site import AdminSite

_log = Logger(namespace="pbrealm.admin")


@dataclass(frozen=True)
class Conditions:
    """On what conditions the administration answers."""

    token: bytes | None

    hosts: tuple[str, ...]
    """Further names of the host."""

    insecure: bool
    """Whether TLS isn't needed."""


class Listener:
    """
    Serves the operations at one endpoint.
    """

    def __init__(
        self,
        endpoint: IStreamServerEndpoint,
        operations: Iterable[Operation],
        conditions: Conditions,
        reactor: Any,
    ) -> None:
        self._endpoint = endpoint
        self._wanted = conditions
        self._resource = ApiResource(operations, reactor)
        self._site = AdminSite(self._resource, reactor)
        self._port: Deferred[Any] | None = None
        self._failure: Failure | None = None

    @property
    def listening(self) -> bool:
        """Whether it listens, or has begun to."""
        return self._port is not None

    def listen(self) -> None:
        """
        Listen.

        @raise ValueError: if everybody could get in there, or read the token.
        @raise Exception: what the endpoint fails with, if it does so at once.  If it fails later,
            that is logged.
        """
        self._failure = None
        port: Deferred[Any] = maybeDeferred(self._endpoint.listen, self._site)
        port.addCallback(self._listening).addErrback(self._failed)
        if self._failure is not None:
            self._failure.raiseException()
        self._port = port

    async def stop(self) -> None:
        """Stop listening, and close all connections."""
        listening, self._port = self._port, None
        if listening is not None:
            listening.cancel()
            port = await listening
            if port is not None:
                await maybeDeferred(port.stopListening)
        await self._site.close()
        self._resource.stop()

    def _listening(self, port: IListeningPort) -> Any:
        conditions, address = self._wanted, port.getHost()
        try:
            exposure = check_exposure(
                address, tls=is_tls(port), token=conditions.token, insecure=conditions.insecure
            )
        except ValueError:
            why = Failure()
            stopped: Deferred[Any] = maybeDeferred(port.stopListening)
            self._failed(why)
            return stopped.addCallback(lambda _: None)
        self._resource.access = Access(address, exposure, conditions.token, conditions.hosts)
        _log.info("the administration listens on {address}", address=format_address(address))
        return port

    def _failed(self, why: Failure) -> None:
        if why.check(CancelledError):
            return
        if self._port is None:
            self._failure = why
        else:
            _log.critical("the administration can't listen: {why}", why=describe(why.value))
