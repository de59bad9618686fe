"""
What a client has to respond to before its login is decided.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from twisted.spread import pb

from pbrealm.logins._arity import Arity


class LoginChallenge(pb.Referenceable):
    """
    What a client has to respond to before its login is decided.

    A subclass has one method or more whose names begin with C{remote_}, by convention
    C{remote_respond}.  They get, and return, what L{ILoginMethod.begin
    <pbrealm.interfaces.ILoginMethod.begin>} does: a login can take any number of challenges.

    A client can respond to a challenge once each time that it gets it.  Only the client that got
    it can.
    """

    _arities: ClassVar[Mapping[str, Arity]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._arities = {
            name: Arity.of(getattr(cls, name), given=1)
            for name in dir(cls)
            if name.startswith("remote_") and callable(getattr(cls, name))
        }

    def method_for(self, name: str, count: int) -> Callable[..., Any] | None:
        """
        Find the method that a client calls.

        @param name: without C{remote_}.
        @param count: how many arguments the client passes.
        @return: L{None} if there is none that takes so many.
        """
        name = f"remote_{name}"
        arity = self._arities.get(name)
        if arity is None or not arity.allows(count):
            return None
        method: Callable[..., Any] = getattr(self, name)
        return method
