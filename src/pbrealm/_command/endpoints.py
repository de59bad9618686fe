"""
The endpoints to listen at.
"""

from __future__ import annotations

from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.python.usage import UsageError

from pbrealm._command.error_text import describe

DEFAULT_ENDPOINT = "tcp:8787:interface=127.0.0.1"
"""Where to listen if no C{--listen} is given: only clients on the same machine can connect."""


def parse_endpoint(description: str) -> IStreamServerEndpoint:
    """
    Make the endpoint of a C{--listen}.

    @param description: a Twisted endpoint string.
    @raise UsageError: if it isn't one.
    """
    # Installs a reactor if there is none yet, so not before the command has chosen one.
    from twisted.internet import reactor

    try:
        endpoint: IStreamServerEndpoint = serverFromString(reactor, description)
        return endpoint
    except TypeError:
        # The text of this exception is about the parameters of a function inside Twisted.
        problem = "wrong or missing arguments"
    except Exception as why:
        problem = describe(why)
    raise UsageError(
        f"--listen must be an endpoint string such as tcp:8787, not {description!r} ({problem})"
    )
