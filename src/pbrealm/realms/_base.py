"""
The bases of the realms.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Generic, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import Interface, implementer

from pbrealm._arguments import check_realm
from pbrealm._avatar_ids import avatar_id_from
from pbrealm._types import AnyClock, AnyRealm, AnySession, AvatarT
from pbrealm.interfaces import IClientAware, IClosableRealm, ISession, ISessionRealm
from pbrealm.realms._admission import (
    Login,
    admit,
    attach_to_avatar,
    clock_of,
    identify,
    request_avatar,
)
from pbrealm.realms._closing import close_all
from pbrealm.realms._detaching import Detaching
from pbrealm.realms._lifetimes import Lifetimes


@implementer(ISessionRealm, IClosableRealm)
class SessionRealm(Generic[AvatarT]):
    """
    A realm of pbrealm's.
    """

    def __init__(self, *, clock: AnyClock | None = None) -> None:
        self.clock = cast("IReactorTime | None", clock)

    def requestAvatar(
        self, avatarId: object, mind: object, *interfaces: type[Interface]
    ) -> Deferred[Login]:
        return request_avatar(self, avatarId, mind, interfaces)

    def identify(self, avatarId: object) -> str:
        return avatar_id_from(avatarId)

    async def admit(
        self, session: AnySession, interfaces: Sequence[type[Interface]]
    ) -> tuple[type[Interface], Any]:
        raise NotImplementedError("a realm finds the avatar, or passes the session on")

    def close(self) -> Deferred[None]:
        raise NotImplementedError("a realm retires its avatars, or closes the realms within")


class FindingRealm(SessionRealm[AvatarT]):
    """
    A realm that finds the avatar.
    """

    def __init__(self, *, clock: AnyClock | None) -> None:
        super().__init__(clock=clock)
        self._detaching = Detaching()
        self._lifetimes = Lifetimes()

    def close(self) -> Deferred[None]:
        """
        Refuse all logins from now on, and retire what was made.

        @return: as of L{IClosableRealm.close}.
        """
        return self._lifetimes.close()

    def has_avatar(self, avatar_id: str) -> bool:
        """Whether L{find_avatar} would give an avatar that other sessions are on, too."""
        return False

    async def find_avatar(self, session: ISession) -> tuple[Any, Callable[[], object]]:
        """
        Find or make the avatar of a session.

        @return: the avatar, and a logout, which is called once.
        @raise SessionEnded: as soon as the session ends.
        """
        raise NotImplementedError("each realm finds avatars in its own way")

    async def make_avatar(
        self,
        session: ISession,
        factory: Callable[..., Any],
        *args: object,
        release: Callable[[], object] | None = None,
    ) -> tuple[Any, Callable[[], object]]:
        """
        Make an avatar that no other session will be on.

        @param args: are passed to the factory after the avatar id.
        @param release: called once: when the avatar has retired, or if there is none.
        @return: as of L{find_avatar}.
        """
        lifetimes, avatar_id = self._lifetimes, session.avatar_id
        if lifetimes.is_retiring(avatar_id):
            try:
                await lifetimes.wait(session)
            except BaseException:
                if release is not None:
                    release()
                raise

        def let_go(avatar: object) -> object:
            retired = lifetimes.retire(avatar_id, avatar, session.clock)
            if release is None:
                return retired
            return release() if retired is None else retired.addCallback(lambda _: release())

        making = lifetimes.make(factory, avatar_id, *args, release=release)
        # One that comes when the session has ended is let go of at once.
        avatar = await session.wait(making, late=let_go)
        return avatar, partial(let_go, avatar)

    async def admit(
        self, session: AnySession, interfaces: Sequence[type[Interface]]
    ) -> tuple[type[Interface], Any]:
        self._lifetimes.check_not_closed()
        detaching, avatar_id = self._detaching, session.avatar_id
        if avatar_id in detaching and not self.has_avatar(avatar_id):
            await detaching.wait(session)
        avatar, logout = await self.find_avatar(session)
        if IClientAware.providedBy(avatar):
            if avatar_id in detaching:
                try:
                    await detaching.wait(session)
                except BaseException:
                    logout()
                    raise
            logout = detaching.watch(session, logout)
        return await attach_to_avatar(session, avatar, interfaces, logout)


class WrappingRealm(SessionRealm[AvatarT]):
    """
    A realm around another, which passes every session on to it.

    To write a realm of your own, subclass this, override L{admit}, and await that of this class::

        class Members(WrappingRealm):
            async def admit(self, session, interfaces):
                if session.avatar_id not in self.members:
                    raise LoginRefused("members only")
                return await super().admit(session, interfaces)

    In C{admit}, wait for Deferreds with C{await session.wait(deferred)}: that ends as soon as the
    session does.  C{session.on_end(callback)} tells when a session that was admitted ends.

    @ivar realm: the realm within.
    """

    def __init__(
        self, realm: SessionRealm[AvatarT] | AnyRealm, *, clock: AnyClock | None = None
    ) -> None:
        """
        @param realm: any realm.
        @param clock: by default that of C{realm}.
        @raise TypeError: if C{realm} isn't a realm.
        """
        check_realm("realm", realm)
        super().__init__(clock=clock or clock_of(realm))
        self.realm = realm

    def identify(self, avatarId: object) -> str:
        """Determine the avatar id as the realm within does."""
        return identify(self.realm, avatarId)

    def admit(
        self, session: AnySession, interfaces: Sequence[type[Interface]]
    ) -> Coroutine[Any, Any, tuple[type[Interface], Any]]:
        """
        Pass a session on to the realm within.

        @return: the interface that was chosen, and its provider.  It raises what the realm within
            refuses the login with.
        """
        return admit(self.realm, session, interfaces)

    def close(self) -> Deferred[None]:
        """
        Close the realm within; not if a server does this, and another one serves that.

        @return: as of L{IClosableRealm.close}.
        """
        return close_all(self.realms_within())

    def realms_within(self) -> Sequence[Any]:
        """The realms that this one passes logins on to."""
        return (self.realm,)
