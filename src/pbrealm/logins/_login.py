"""
What a login method asks the portal for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from twisted.spread.pb import IPerspective
from zope.interface import Interface
from zope.interface.interface import InterfaceClass

from pbrealm._types import AnyCredentials
from pbrealm.errors import LoginRefused

MAX_NAME_BYTES: Final = 1024
"""Bytes of an account's name.  The throttle keeps names, and the journal logs them."""

_PERSPECTIVE: Final = (IPerspective,)


def account_name(name: object) -> bytes:
    """
    An account's name, as checkers expect it, from what a client has sent.

    @raise LoginRefused: if it isn't a string or bytes, or is too long.
    """
    if isinstance(name, str):
        name = name.encode("utf-8")
    if not isinstance(name, bytes):
        raise LoginRefused("the name must be a string")
    if len(name) > MAX_NAME_BYTES:
        raise LoginRefused(f"the name is longer than {MAX_NAME_BYTES} bytes")
    return name


class Login:
    """
    What a login method asks the portal for.

    @ivar credentials: L{ICredentials<twisted.cred.credentials.ICredentials>} for the portal's
        checkers.  Those that provide C{IAnonymous} aren't delayed by the login throttle.
    @ivar mind: the reference that the client has passed to be called by, or L{None}.
    @ivar account: the name that the credentials are for.  The throttle counts wrong passwords by
        it, and refusals are logged with it.  L{None} where the name isn't known before the
        credentials are checked, as with a token: the throttle then counts by address only.
    @ivar interfaces: what the avatar is to provide, the preferred one first.
    """

    __slots__ = ("account", "credentials", "interfaces", "mind")

    def __init__(
        self,
        credentials: AnyCredentials,
        mind: object = None,
        *,
        account: str | bytes | None = None,
        interfaces: Sequence[type[Interface]] = _PERSPECTIVE,
    ) -> None:
        """
        @raise LoginRefused: if the account's name is too long.
        @raise TypeError: if C{interfaces} isn't a list or tuple of at least one interface.
        """
        if interfaces is not _PERSPECTIVE:
            _check_interfaces(interfaces)
        self.credentials = credentials
        self.mind = mind
        self.account = None if account is None else account_name(account)
        self.interfaces = interfaces


def _check_interfaces(interfaces: Any) -> None:
    # An interface can be iterated over, too, which gives names.
    if (
        not isinstance(interfaces, (list, tuple))
        or not interfaces
        or not all(isinstance(each, InterfaceClass) for each in interfaces)
    ):
        raise TypeError(
            f"interfaces must be a list of interfaces, such as [IPerspective], not {interfaces!r}"
        )
