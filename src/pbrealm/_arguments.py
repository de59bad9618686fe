"""
Checks of what constructors are given, with one sentence for what can't be.
"""

from __future__ import annotations

from twisted.cred.portal import IRealm, Portal
from twisted.python.reflect import qual


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


def described(thing: object) -> str:
    """What an argument is, in a few words."""
    if thing is None:
        return "None"
    if isinstance(thing, type):
        return f"the class {qual(thing)}"
    return f"an object of type {qual(type(thing))}"
