"""
References to objects of a client, bound to the sessions that the client passed them to.
"""

from __future__ import annotations

from typing import Any

from twisted.spread import pb

from pbrealm._on_behalf_of import ON_BEHALF_OF
from pbrealm.interfaces import ISession


class BoundReference(pb.RemoteReference):
    """
    A reference to an object of a client.

    What is sent through it is handed out by the sessions that it was passed to, whoever's call has
    it sent.

    @ivar sessions: those.
    """

    def __init__(self, unbound: pb.RemoteReference, sessions: tuple[ISession, ...]) -> None:
        """
        @param unbound: the same reference, which this takes the place of.
        """
        super().__init__(unbound.perspective, unbound.broker, unbound.luid, unbound.doRefCount)
        # The client gets to know once that the reference is dropped.
        unbound.doRefCount = 0
        self.sessions = sessions

    def callRemote(self, _name: Any, *args: Any, **kw: Any) -> Any:
        """Do as L{pb.RemoteReference} does, on behalf of the sessions."""
        token = ON_BEHALF_OF.set(self.sessions)
        try:
            return super().callRemote(_name, *args, **kw)
        finally:
            ON_BEHALF_OF.reset(token)

    def remoteMethod(self, key: str) -> pb.RemoteMethod:
        """Do as L{pb.RemoteReference} does, on behalf of the sessions."""
        return _BoundMethod(self, key)


class _BoundMethod(pb.RemoteMethod):
    """A method of a L{BoundReference}."""

    def __call__(self, *args: Any, **kw: Any) -> Any:
        return self.obj.callRemote(self.name, *args, **kw)
