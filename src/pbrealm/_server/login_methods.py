"""
The login methods of a server, by the names that clients call them by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from pbrealm._arguments import described
from pbrealm._types import AnyLoginMethod
from pbrealm.interfaces import ILoginMethod
from pbrealm.logins import AnonymousLogin, PasswordLogin
from pbrealm.logins._arity import Arity

DEFAULT_LOGIN_METHODS: Final = (PasswordLogin(), AnonymousLogin())
"""What a Perspective Broker client logs in by."""


class LoginMethods:
    """
    The login methods of a server.
    """

    def __init__(self, methods: Iterable[AnyLoginMethod]) -> None:
        """
        @raise TypeError: if one of them isn't a login method.
        @raise ValueError: if there are none, or two of one name.
        """
        self._begin: dict[str, tuple[Callable[..., Any], Arity]] = {}
        if not isinstance(methods, Iterable):
            raise TypeError(
                "login_methods must be a list, such as [PasswordLogin()], "
                f"not {described(methods)}"
            )
        for method in methods:
            if not ILoginMethod.providedBy(method):
                raise TypeError(
                    "a login method must provide ILoginMethod, as PasswordLogin() does, and not "
                    f"be {described(method)}"
                )
            if not isinstance(method.name, str):
                raise TypeError(
                    "the name of a login method must be a string, such as 'login', "
                    f"not {method.name!r}"
                )
            if method.name in self._begin:
                raise ValueError(f"there are two login methods of the name {method.name!r}")
            self._begin[method.name] = method.begin, Arity.of(method.begin, given=1)
        if not self._begin:
            raise ValueError("without login methods nobody can log in")

    def find(self, name: str, count: int) -> Callable[..., Any] | None:
        """
        Find the login method that a client calls.

        @param count: how many arguments the client passes.
        @return: its C{begin}; L{None} if there is none that takes so many.
        """
        begin, arity = self._begin.get(name, (None, None))
        if arity is None or not arity.allows(count):
            return None
        return begin
