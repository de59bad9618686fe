"""
Endpoints of Twisted's endpoint strings, with errors that say what is wrong with them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pbrealm._error_text import describe

_Endpoint = TypeVar("_Endpoint")


def endpoint_from(
    description: str, make: Callable[[str], _Endpoint], *, name: str, example: str
) -> _Endpoint:
    """
    Make an endpoint of a string.

    @param make: parses the string.
    @param name: what is parsed, for the error message.
    @param example: a string as it should be, for the error message.
    @raise ValueError: if it isn't an endpoint string, or what it names can't be used.
    """
    try:
        return make(description)
    except TypeError:
        # The text of this exception is about the parameters of a function inside Twisted.
        problem = "wrong or missing arguments"
    except ValueError as why:
        problem = describe(why)
    except LookupError:
        # Of the endpoints that Twisted makes of strings, only those are looked up.
        raise ValueError(
            f"{name} {description} can't be used: the service manager has passed no such socket"
        ) from None
    except Exception as why:
        # Most likely a file of a certificate.
        raise ValueError(f"{name} {description} can't be used: {describe(why)}") from why
    raise ValueError(
        f"{name} must be an endpoint string such as {example}, not {description!r} ({problem})"
    )
