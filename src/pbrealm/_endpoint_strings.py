"""
Endpoints of Twisted's endpoint strings, with errors that say what is wrong with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from zope.interface.interface import InterfaceClass

from pbrealm._arguments import described
from pbrealm._error_text import describe

_Endpoint = TypeVar("_Endpoint")


def several(endpoint: Any) -> Iterable[Any]:
    """The endpoints, where one may be passed or several."""
    if isinstance(endpoint, str) or not isinstance(endpoint, Iterable):
        return [endpoint]
    return endpoint


def endpoint_of(
    endpoint: Any,
    parse: Callable[[str], Any],
    interface: InterfaceClass,
    *,
    purpose: str,
    example: str,
) -> Any:
    """
    An endpoint that was passed as such or as a string.

    @param parse: makes one of a string.
    @param interface: what it has to provide.
    @param purpose: what to do with it, for the error message.
    @param example: a string as it should be, for the error message.
    @raise TypeError: if it is neither an endpoint nor a string.
    @raise ValueError: as C{parse} does.
    """
    if isinstance(endpoint, str):
        return parse(endpoint)
    if not interface.providedBy(endpoint):
        raise TypeError(
            f"endpoint must be an endpoint string such as {example}, or an endpoint to {purpose}, "
            f"not {described(endpoint)}"
        )
    return endpoint


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
