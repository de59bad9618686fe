"""
A realm that passes each login on to one of several realms.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias
from weakref import WeakSet

from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred, maybeDeferred
from zope.interface import Interface

from pbrealm._arguments import check_callable, described
from pbrealm._types import AnyClock, AnyRealm, AnySession, AvatarT
from pbrealm.errors import LoginRefused, Reason
from pbrealm.interfaces import IClosableRealm, ISession
from pbrealm.realms._admission import admit
from pbrealm.realms._base import SessionRealm
from pbrealm.realms._closing import close_all

Choice: TypeAlias = "Callable[[AnySession, Sequence[Any]], AnyRealm | Awaitable[AnyRealm]]"
"""
Chooses the realm of a login, from its session and the interfaces that it asks for.
"""


class RoutingRealm(SessionRealm[AvatarT]):
    """
    Passes each login on to the realm that is chosen for it, for programs with several kinds of
    avatars::

        def choose(session, interfaces):
            return admins if session.avatar_id in administrators else players

        realm = ConnectionLimitedRealm(RoutingRealm(choose), limit=2)

    Put an L{AnonymousRealm} around it, not within: who is a guest is decided before a realm is
    chosen.
    """

    def __init__(self, choose: Choice, *, clock: AnyClock | None = None) -> None:
        """
        @param choose: gets the session of a login, which has no avatar yet, and the interfaces
            that were asked for; returns any realm, or a Deferred or coroutine of one.  It may call
            the mind of the session.  To refuse the login, it raises
            L{LoginRefused<pbrealm.LoginRefused>}.
        @param clock: by default that of the server, or the global reactor.  The realms that are
            chosen use it, too.
        @raise TypeError: if C{choose} can't be called.
        """
        check_callable("choose", choose)
        super().__init__(clock=clock)
        self._choose = choose
        # A program that makes a realm for each login shouldn't find them all here.
        self._chosen: WeakSet[Any] = WeakSet()
        self._closed = False

    async def admit(
        self, session: ISession, interfaces: Sequence[type[Interface]]
    ) -> tuple[type[Interface], Any]:
        # If this raises, the login fails as it does where a factory of avatars raises.
        realm: Any = await session.wait(maybeDeferred(self._choose, session, interfaces))
        if not IRealm.providedBy(realm):
            raise TypeError(f"{self._choose} must return a realm, not {described(realm)}")
        if self._closed:
            raise LoginRefused("the server is shutting down", Reason.SHUTTING_DOWN)
        if IClosableRealm.providedBy(realm):
            self._chosen.add(realm)
        return await admit(realm, session, interfaces)

    def close(self) -> Deferred[None]:
        """
        Refuse all logins from now on, and close the realms that were chosen for logins, but for
        those that another server serves.

        @return: as of L{IClosableRealm.close<pbrealm.IClosableRealm.close>}.
        """
        self._closed = True
        return close_all(self.realms_within())

    def realms_within(self) -> Sequence[Any]:
        """The realms that were chosen for logins."""
        return tuple(self._chosen)
