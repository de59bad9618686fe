"""
How the command reaches the administration: by an endpoint, and with a token.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString
from twisted.internet.interfaces import (
    IProtocolFactory,
    IStreamClientEndpoint,
    IUNIXTransport,
)
from twisted.internet.protocol import Factory
from twisted.web.client import URI, Agent, HTTPConnectionPool
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from pbrealm._admin_command.exit_status import WrongUsage
from pbrealm._endpoint_strings import endpoint_from

DEFAULT_ENDPOINT: Final = "unix:/run/pbrealm/admin.sock"

_UNBOUND_TLS_FAILS: Final = "24.10."
"""The versions of Twisted that can't connect to a C{tls:} endpoint without this:"""

_BIND: Final = "bindAddress="


@implementer(IAgentEndpointFactory, IStreamClientEndpoint)
class _OneEndpoint:
    """Connects to the same endpoint for each URI."""

    def __init__(self, endpoint: IStreamClientEndpoint) -> None:
        self._endpoint = endpoint

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        return self

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        connecting: Deferred[Any] = self._endpoint.connect(_OverUNIX(protocolFactory))
        return connecting


class _OverUNIX(Factory):
    """Makes the protocols of another factory, so that they work over UNIX sockets, too."""

    noisy = False

    def __init__(self, factory: IProtocolFactory) -> None:
        self._factory = factory

    def buildProtocol(self, addr: Any) -> Any:
        protocol: Any = self._factory.buildProtocol(addr)
        connect = protocol.makeConnection

        def make_connection(transport: Any) -> None:
            if IUNIXTransport.providedBy(transport):
                # It has no such option.  Twisted sets it all the same, and before 24.11 that
                # failed.
                vars(transport)["setTcpNoDelay"] = lambda enabled: None
            connect(transport)

        protocol.makeConnection = make_connection
        return protocol


def http_client(reactor: Any, description: str) -> HTTPClient:
    """
    Make an HTTP client that connects to one endpoint, whichever URL it asks for.

    @param description: a Twisted endpoint string.
    @raise WrongUsage: if it isn't one, or this Twisted can't connect to it.
    """
    unbound_tls = description.startswith("tls:") and _BIND not in description
    if unbound_tls and (twisted := version("twisted")).startswith(_UNBOUND_TLS_FAILS):
        raise WrongUsage(
            f"--admin {description} can't be used with Twisted {twisted} unless {_BIND}0.0.0.0 "
            "is added"
        )

    def make(text: str) -> IStreamClientEndpoint:
        endpoint: IStreamClientEndpoint = clientFromString(reactor, text)
        return endpoint

    try:
        endpoint = endpoint_from(description, make, name="--admin", example=DEFAULT_ENDPOINT)
    except ValueError as why:
        raise WrongUsage(str(why)) from None
    pool = HTTPConnectionPool(reactor, persistent=False)
    return HTTPClient(Agent.usingEndpointFactory(reactor, _OneEndpoint(endpoint), pool))


def read_token(path: str) -> str:
    """
    Read the token from a file.

    @raise WrongUsage: if it isn't there, or can't be in a header.
    """
    try:
        token = Path(path).read_text("utf-8").strip()
    except OSError as why:
        raise WrongUsage(f"the token can't be read from {path}: {why.strerror}") from None
    except UnicodeDecodeError:
        token = ""
    if not token or not all("!" <= character <= "~" for character in token):
        raise WrongUsage(f"{path} must have one token, of printable ASCII characters")
    return token
