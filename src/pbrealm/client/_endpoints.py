"""
The endpoints that a client connects to.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from twisted.internet.endpoints import clientFromString
from twisted.internet.interfaces import IStreamClientEndpoint

from pbrealm._arguments import described
from pbrealm._endpoint_strings import endpoint_from
from pbrealm._types import AnyClientEndpoint

ClientEndpoint: TypeAlias = "AnyClientEndpoint | str"


class Endpoints:
    """
    One endpoint or several, which are tried in turn.
    """

    __slots__ = ("_endpoints", "_turn")

    def __init__(self, endpoint: ClientEndpoint | Iterable[ClientEndpoint], reactor: Any) -> None:
        """
        @raise TypeError: if one is neither an endpoint nor a string.
        @raise ValueError: if a string isn't an endpoint string, or there are no endpoints.
        """
        self._endpoints = [_checked(each, reactor) for each in _several(endpoint)]
        self._turn = 0
        if not self._endpoints:
            raise ValueError("endpoint must be an endpoint or several, not none")

    @property
    def present(self) -> IStreamClientEndpoint:
        """Whose turn it is."""
        return self._endpoints[self._turn]

    def next(self) -> None:
        """It's the turn of the next one."""
        self._turn = (self._turn + 1) % len(self._endpoints)


def _several(
    endpoint: ClientEndpoint | Iterable[ClientEndpoint],
) -> Iterable[ClientEndpoint]:
    if isinstance(endpoint, str) or not isinstance(endpoint, Iterable):
        return [endpoint]
    return endpoint


def _checked(endpoint: ClientEndpoint, reactor: Any) -> IStreamClientEndpoint:
    if isinstance(endpoint, str):
        return _parsed(endpoint, reactor)
    if not IStreamClientEndpoint.providedBy(endpoint):
        raise TypeError(
            "endpoint must be an endpoint string such as tcp:example.org:8787, or an endpoint to "
            f"connect to, not {described(endpoint)}"
        )
    return endpoint


def _parsed(description: str, reactor: Any) -> IStreamClientEndpoint:
    def make(text: str) -> IStreamClientEndpoint:
        endpoint: IStreamClientEndpoint = clientFromString(reactor, text)
        return endpoint

    return endpoint_from(description, make, name="endpoint", example="tcp:example.org:8787")
