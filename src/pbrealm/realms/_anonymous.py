"""
A realm that sends guests to a realm of their own.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from typing import Any

from twisted.cred.checkers import ANONYMOUS
from zope.interface import Interface

from pbrealm._arguments import check_realm
from pbrealm._avatar_ids import guest_id, is_guest
from pbrealm._types import AnyClock, AnyRealm, AvatarT
from pbrealm.errors import LoginRefused
from pbrealm.interfaces import ISession
from pbrealm.realms._admission import admit, identify
from pbrealm.realms._base import SessionRealm, WrappingRealm


class AnonymousRealm(WrappingRealm[AvatarT]):
    """
    Sends anonymous logins, and those of the named accounts, to the realm for guests, each under
    an avatar id of its own: C{guest#1}, C{guest#2}, …

    An account with such a name is refused.
    """

    def __init__(
        self,
        realm: SessionRealm[AvatarT] | AnyRealm,
        guests: AnyRealm,
        *,
        names: Collection[str] = (),
        clock: AnyClock | None = None,
    ) -> None:
        """
        @param realm: for all other logins.
        @param guests: for the guests.
        @param names: the accounts whose logins are guests.
        @param clock: by default that of C{realm}.
        @raise TypeError: if C{names} is a single string, or one of the realms isn't a realm.
        """
        if isinstance(names, str):
            raise TypeError(
                f"names must be a collection of account names, not the string {names!r}"
            )
        super().__init__(realm, clock=clock)
        check_realm("guests", guests)
        self._guests = guests
        self._names = frozenset(names)
        self._numbers = itertools.count(1)

    def identify(self, avatarId: object) -> str:
        if avatarId != ANONYMOUS:
            name = identify(self.realm, avatarId)
            if name not in self._names:
                if is_guest(name):
                    raise LoginRefused(f"the name {name} is reserved for guests")
                return name
        return guest_id(next(self._numbers))

    async def admit(
        self, session: ISession, interfaces: Sequence[type[Interface]]
    ) -> tuple[type[Interface], Any]:
        realm = self._guests if is_guest(session.avatar_id) else self.realm
        return await admit(realm, session, interfaces)

    def realms_within(self) -> Sequence[Any]:
        return (self.realm, self._guests)
