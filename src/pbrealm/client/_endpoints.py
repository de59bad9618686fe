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

    They are tried in rounds.  In each of them every endpoint has its turn, one soon after the
    other; between two rounds, all have failed or have sent the client away.
    """

    __slots__ = ("_endpoints", "_tried", "_turn")

    def __init__(self, endpoint: ClientEndpoint | Iterable[ClientEndpoint], reactor: Any) -> None:
        """
        @raise TypeError: if one is neither an endpoint nor a string.
        @raise ValueError: if a string isn't an endpoint string, or there are no endpoints.
        """
        self._endpoints = [_checked(each, reactor) for each in several(endpoint)]
        self._turn = 0
        # Those that were tried in this round.
        self._tried: set[int] = set()
        if not self._endpoints:
            raise ValueError("endpoint must be an endpoint or several, not none")

    def take(self) -> IStreamClientEndpoint:
        """The one whose turn it is, and which is tried now."""
        self._tried.add(self._turn)
        return self._endpoints[self._turn]

    def next(self) -> bool:
        """
        It's the turn of the next one, if this one was tried.

        @return: whether that one is still to be tried in this round; else a new one begins.
        """
        if self._turn not in self._tried:
            return False
        self._turn = (self._turn + 1) % len(self._endpoints)
        if self._turn not in self._tried:
            return True
        self._tried.clear()
        return False

    def begin_anew(self) -> None:
        """Begin a new round, in which this one was tried."""
        self._tried = {self._turn}


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
