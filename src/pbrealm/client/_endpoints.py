"""
The endpoints that a client connects to.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from twisted.internet.endpoints import clientFromString
from twisted.internet.interfaces import IStreamClientEndpoint

from pbrealm._endpoint_strings import endpoint_from, endpoint_of, several
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
        self._endpoints = [_checked(each, reactor) for each in several(endpoint)]
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


_EXAMPLE: Final = "tcp:example.org:8787"


def _checked(endpoint: ClientEndpoint, reactor: Any) -> IStreamClientEndpoint:
    def make(text: str) -> IStreamClientEndpoint:
        made: IStreamClientEndpoint = clientFromString(reactor, text)
        return made

    def parse(text: str) -> IStreamClientEndpoint:
        return endpoint_from(text, make, name="endpoint", example=_EXAMPLE)

    checked: IStreamClientEndpoint = endpoint_of(
        endpoint, parse, IStreamClientEndpoint, purpose="connect to", example=_EXAMPLE
    )
    return checked
