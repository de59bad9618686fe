"""
The endpoints to listen at.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.python.usage import UsageError

from pbrealm._command.error_text import describe

BACKLOG = 4096
"""
How many clients may wait to be accepted.  If more come at once, as after a restart, the system
drops their connections on this side only: a client then waits for a server that speaks first, and
never hears from it.  Twisted's default is 50.
"""

DEFAULT_ENDPOINT = "tcp:8787:interface=127.0.0.1"
"""Where to listen if no C{--listen} is given: only clients on the same machine can connect."""


def parse_endpoint(description: str) -> IStreamServerEndpoint:
    """
    Make the endpoint of a C{--listen}, with a queue of L{BACKLOG} unless it says otherwise.

    @param description: a Twisted endpoint string.
    @raise UsageError: if it isn't one.
    """
    # Installs a reactor if there is none yet, so not before the command has chosen one.
    from twisted.internet import reactor

    if _takes_backlog(description):
        # If this fails, the backlog is given by its position, or the string is wrong: then the
        # error is to be about what was given.
        with suppress(Exception):
            return _make(reactor, f"{description}:backlog={BACKLOG}")
    try:
        return _make(reactor, description)
    except TypeError:
        # The text of this exception is about the parameters of a function inside Twisted.
        problem = "wrong or missing arguments"
    except Exception as why:
        problem = describe(why)
    raise UsageError(
        f"--listen must be an endpoint string such as tcp:8787, not {description!r} ({problem})"
    )


def _takes_backlog(description: str) -> bool:
    kind, _, arguments = description.partition(":")
    return kind in ("tcp", "tcp6", "ssl", "unix") and "backlog=" not in arguments


def _make(reactor: Any, description: str) -> IStreamServerEndpoint:
    endpoint: IStreamServerEndpoint = serverFromString(reactor, description)
    return endpoint
