"""
Where users' own classes meet pbrealm's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any

from twisted.cred.portal import IRealm
from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from pbrealm._session.session import Session
    from pbrealm.errors import Reason


class IClientAware(Interface):
    """
    An avatar that is told of its clients.

    For each L{attached} that succeeded there is one L{detached}, whatever way the session goes.
    """

    def attached(session: Session) -> Awaitable[object] | None:
        """
        A client has logged in and is about to be told so.

        @return: L{None}, or a Deferred or coroutine that the login waits for.
        @raise Exception: to fail the login.  There will be no L{detached} then.
        """

    def detached(session: Session, reason: Reason) -> Awaitable[object] | None:
        """
        The session is over: no call comes through it any more, and nothing reaches its mind.

        The avatar stays with its realm until what this returns is done.  An exception is logged.
        """


class IFullPolicy(Interface):
    """
    What to do with a newcomer when there is no room for it.

    Newcomers for the same avatar id are brought before the policy one after another, after their
    authentication.
    """

    waiting = Attribute(
        "How many newcomers may be before the policy or in the queue for it at once, of each "
        "avatar id, and of all where there is a total; one more is refused.  An int."
    )

    def make_room(newcomer: Session, holders: Sequence[Session]) -> Awaitable[object] | None:
        """
        See to it that one of the holders leaves, or refuse the newcomer.

        The realm looks again when this is done, and asks again if others came in meanwhile.

        @param newcomer: the session of the login, which isn't open yet.
        @param holders: those who have the places that the newcomer could get, oldest first.
            Some may still be at their login.
        @return: L{None}, or a Deferred or coroutine to wait for.
        @raise pbrealm.errors.TooManyConnections: to refuse.  A newcomer for whom no room was
            made is refused too.
        """


class ISessionRealm(IRealm):
    """
    A realm that takes part in a login whose session another realm, further out, has begun.

    All of pbrealm's realms are such.  To write another that wraps one, implement this:
    L{pbrealm.realms.log_in} is its C{requestAvatar}, and L{pbrealm.realms.enter} passes a
    session on to the realm within, which may be any L{IRealm}.
    """

    clock = Attribute("An IReactorTime provider; None for the global reactor.")

    def identify(avatarId: object) -> str:
        """
        Say under which avatar id a login goes on.

        @param avatarId: as the checker gave it.
        @raise pbrealm.errors.LoginRefused: if it can't be an avatar id here.
        """

    async def admit(session: Session, interfaces: Sequence[type[Interface]]) -> tuple[Any, Any]:
        """
        Let a session in, or raise.

        @return: the interface that was chosen, and the aspect of the avatar that provides it.
        """


__all__ = ["IClientAware", "IFullPolicy", "ISessionRealm"]
