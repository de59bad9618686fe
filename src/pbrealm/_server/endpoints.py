"""
Endpoint strings, with an accept queue that is long enough for Perspective Broker.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IStreamServerEndpoint

from pbrealm._endpoint_strings import endpoint_from

ACCEPT_QUEUE = 4096
"""
How many clients may wait to be accepted.  If more come at once, as after a restart, the system
drops their connections on this side only: a client then waits for a server that speaks first, and
never hears from it.  Twisted's default is 50.
"""


def parse_endpoint(name: str, description: str, reactor: Any) -> IStreamServerEndpoint:
    """
    Make an endpoint, with a queue of L{ACCEPT_QUEUE} unless its string says otherwise.

    @param name: what is parsed, for the error message.
    @param description: a Twisted endpoint string.
    @raise ValueError: if it isn't one.
    """

    def make(text: str) -> IStreamServerEndpoint:
        endpoint: IStreamServerEndpoint = serverFromString(reactor, text)
        return endpoint

    if "backlog=" not in description:
        # If this fails, the endpoint has no such queue, or its length is given by its position, or
        # the string is wrong: then the error is to be about what was given.
        with suppress(Exception):
            return make(f"{description}:backlog={ACCEPT_QUEUE}")
    return endpoint_from(description, make, name=name, example="tcp:8787")
