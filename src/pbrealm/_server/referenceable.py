"""
What clients get a reference to, or a copy of, when they have logged in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from twisted.spread import pb
from twisted.spread.interfaces import IJellyable

from pbrealm._arguments import described
from pbrealm._session.session import Session
from pbrealm._wire.dispatch import receive_message
from pbrealm._wire.lazy_jelly import accepts_lazy_jelly
from pbrealm.errors import SessionEnded


class SessionReferenceable(pb.AsReferenceable):
    """
    What a client gets a reference to for a session, which refuses calls after its end by itself.

    @ivar serving: the session on whose behalf calls are served.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session, "perspective")
        self.serving = session.serving


class AspectReferenceable(pb.Referenceable):
    """
    What a client gets a reference to for the aspect of an avatar that it has asked for.

    It refuses calls after the end of the session, as the session does itself.

    @ivar serving: the session on whose behalf calls are served.
    """

    def __init__(self, session: Session, aspect: object, kind: str) -> None:
        """
        @param kind: of the aspect's methods: C{perspective}, or C{remote}.
        """
        self.serving = session
        self._receive = getattr(aspect, f"{kind}MessageReceived")

    @accepts_lazy_jelly
    def remoteMessageReceived(self, broker: Any, message: str, args: Any, kw: Any) -> Any:
        """
        Pass a call on.

        @raise SessionEnded: once the session has ended; the arguments aren't decoded then.
        """
        if self.serving.ended is not None:
            raise SessionEnded(self.serving.ended)
        return receive_message(self._receive, broker, message, args, kw)


class AspectCopy(NamedTuple):
    """
    The aspect of an avatar that a client gets a copy of, and not a reference to.
    """

    aspect: object

    session: Session | None
    """The session that hands it out; L{None} if a hand-written realm knows of none."""

    logout: Callable[[], object]
    """Ends the login, if the copy can't be sent."""


def reference_to(aspect: Any, session: Session | None) -> object:
    """
    Make what a client gets a reference to.

    @param aspect: of the avatar, as the realm has returned it.
    @param session: of this login; L{None} if a hand-written realm knows of none.
    @return: a L{pb.Referenceable}, or the aspect itself if the client gets a copy.
    @raise TypeError: if a client can't call it, nor get a copy of it.
    """
    if isinstance(aspect, Session):
        return SessionReferenceable(aspect)
    if not IJellyable.providedBy(aspect):
        if not hasattr(aspect, "perspectiveMessageReceived"):
            raise TypeError(
                f"{described(aspect)} can't be handed out: it is neither a perspective "
                "nor a pb.Referenceable"
            )
        if session is None:
            return pb.AsReferenceable(aspect, "perspective")
        return AspectReferenceable(session, aspect, "perspective")
    if session is not None and isinstance(aspect, pb.Referenceable):
        return AspectReferenceable(session, aspect, "remote")
    return aspect
