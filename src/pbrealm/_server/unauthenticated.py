"""
Objects that decide by themselves who may call them: those for logins, and sessions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from twisted.spread import pb

from pbrealm._session.session import Session
from pbrealm.errors import LoginRefused


class SessionReferenceable(pb.AsReferenceable):
    """
    What a client gets a reference to for a session, which refuses calls after its end by itself.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session, "perspective")


class UnauthenticatedReferenceable(pb.Referenceable):
    """
    An object that a client can call before its login.

    Every mistake of the client is a L{LoginRefused}; nothing of what it sends is logged.

    @cvar methods: the methods that can be called, with the number of their arguments.
    """

    methods: ClassVar[Mapping[str, int]] = {}

    def call(self, method: str, args: Sequence[object]) -> Any:
        """
        Call a method.

        @raise LoginRefused: if there is none of this name, or not with so many arguments.
        """
        if self.methods.get(method) != len(args):
            raise LoginRefused("not a valid login request")
        return getattr(self, f"remote_{method}")(*args)

    def remoteMessageReceived(self, broker: Any, message: str, args: Any, kw: Any) -> Any:
        """Handle a call of a client with a login, which arrives by Twisted's dispatcher."""
        try:
            arguments = broker.unserialize(args)
            keywords = broker.unserialize(kw)
        except pb.Error:
            raise
        except Exception:
            raise LoginRefused("not a valid login request") from None
        if keywords or not isinstance(arguments, (list, tuple)):
            raise LoginRefused("not a valid login request")
        return broker.serialize(self.call(message, arguments), self.perspective)
