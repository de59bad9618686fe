"""
The endpoints to listen at.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.python.failure import Failure
from twisted.python.usage import UsageError
from zope.interface import implementer

from pbrealm._command.cannot_start import CannotStart
from pbrealm._error_text import describe
from pbrealm._server.endpoints import parse_endpoint

DEFAULT_ENDPOINT = "tcp:8787:interface=127.0.0.1"
"""Where to listen if no C{--listen} is given: only clients on the same machine can connect."""


@implementer(IStreamServerEndpoint)
class NamedEndpoint:
    """
    An endpoint that fails with L{CannotStart}.

    @ivar name: the endpoint string.
    """

    def __init__(self, name: str, endpoint: IStreamServerEndpoint) -> None:
        self.name = name
        self._endpoint = endpoint

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        port: Deferred[Any] = self._endpoint.listen(protocolFactory)
        return port.addErrback(self._cannot_listen)

    def _cannot_listen(self, why: Failure) -> Failure:
        if why.check(CancelledError):
            return why
        # The cause is first, in case that the end is cut off.
        return Failure(CannotStart(f"pbrealm: {_cause(why.value)}: cannot listen on {self.name}"))


def listen_endpoint(description: str) -> NamedEndpoint:
    """
    Make the endpoint of a C{--listen}.

    @param description: a Twisted endpoint string.
    @raise UsageError: if it isn't one.
    """
    # Installs a reactor if there is none yet, so not before the command has chosen one.
    from twisted.internet import reactor

    try:
        return NamedEndpoint(description, parse_endpoint("--listen", description, reactor))
    except ValueError as why:
        raise UsageError(str(why)) from why


_WORDS_OF_TWISTED: Final = {"Cannot acquire lock": "another process listens there"}
"""What Twisted calls a failure that the system has no error for."""


def _cause(error: BaseException | None) -> str:
    if isinstance(error, CannotListenError):
        error = error.socketError
        if isinstance(error, str):
            return _WORDS_OF_TWISTED.get(error, error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return describe(error).rstrip(".")
