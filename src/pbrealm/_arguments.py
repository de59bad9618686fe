"""
Checks of what constructors are given, with one sentence for what can't be.
"""

from __future__ import annotations

from math import inf
from typing import Final

from twisted.cred.portal import IRealm, Portal
from twisted.python.reflect import qual

MAX_SECONDS: Final = 10**9
"""More than 30 years.  Timers of a reactor fail for numbers that a float can't hold."""

MAX_COUNT: Final = 2**63 - 1
"""The largest whole number that an argument may be."""


def check_realm(name: str, realm: object) -> None:
    """
    Check that an argument is a realm.

    @raise TypeError: if it isn't.
    """
    if not IRealm.providedBy(realm):
        raise TypeError(
            f"{name} must be a realm, such as CachingRealm(Player), not {described(realm)}"
        )


def check_portal(portal: object) -> None:
    """
    Check that an argument is a portal.

    @raise TypeError: if it isn't.
    """
    if not isinstance(portal, Portal) and not (
        hasattr(portal, "login") and hasattr(portal, "realm") and not isinstance(portal, type)
    ):
        raise TypeError(
            f"portal must be a Portal, such as Portal(realm, [checker]), not {described(portal)}"
        )


def check_callable(name: str, function: object) -> None:
    """
    Check that an argument can be called.

    @raise TypeError: if it can't.
    """
    if not callable(function):
        raise TypeError(f"{name} must be a class or a function, not {described(function)}")


def check_seconds(name: str, seconds: object) -> None:
    """
    Check that an argument is a number of seconds.

    @raise ValueError: if it isn't, or it's negative, or more than L{MAX_SECONDS}.
    """
    number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not number or not 0 <= seconds < inf:  # type: ignore[operator]  # it's a number here
        raise ValueError(f"{name} must be a number of seconds, 0 or more, not {seconds!r}")
    check_most(name, seconds, MAX_SECONDS)  # type: ignore[arg-type]  # the same


def check_most(name: str, number: float, most: int) -> None:
    """
    Check that a number isn't too large.

    @raise ValueError: if it is.  The error doesn't have the number, which may have any length.
    """
    if number > most:
        raise ValueError(f"{name} must be {most} or less")


def described(thing: object) -> str:
    """What an argument is, in a few words."""
    if thing is None:
        return "None"
    if isinstance(thing, type):
        return f"the class {qual(thing)}"
    return f"an object of type {qual(type(thing))}"
