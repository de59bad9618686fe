"""
Endpoint strings, with an accept queue that is long enough for Perspective Broker.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IStreamServerEndpoint

from pbrealm._error_text import describe

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
    if "backlog=" not in description:
        # If this fails, the endpoint has no such queue, or its length is given by its position, or
        # the string is wrong: then the error is to be about what was given.
        with suppress(Exception):
            return _make(reactor, f"{description}:backlog={ACCEPT_QUEUE}")
    try:
        return _make(reactor, description)
    except TypeError:
        # The text of this exception is about the parameters of a function inside Twisted.
        problem = "wrong or missing arguments"
    except ValueError as why:
        problem = describe(why)
    except Exception as why:
        # Most likely a file of a certificate.
        raise ValueError(f"{name} {description} can't be used: {describe(why)}") from why
    raise ValueError(
        f"{name} must be an endpoint string such as tcp:8787, not {description!r} ({problem})"
    )


def _make(reactor: Any, description: str) -> IStreamServerEndpoint:
    endpoint: IStreamServerEndpoint = serverFromString(reactor, description)
    return endpoint
