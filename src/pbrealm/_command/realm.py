"""
From what was asked for to the realm that does it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from twisted.cred.portal import IRealm
from twisted.internet.interfaces import IReactorTime

from pbrealm.interfaces import IFullPolicy
from pbrealm.realms import (
    AnonymousRealm,
    CachingRealm,
    ConnectionLimitedRealm,
    DisposableRealm,
    MindTrackingRealm,
    SharedStateRealm,
)


@dataclass(frozen=True)
class RealmOptions:
    """
    What realm was asked for; each that is L{None} wasn't.

    Either C{realm} is given, or C{avatar}, or only C{guests}.
    """

    avatar: Callable[..., Any] | None = None
    """Makes avatars: from an avatar id, or for C{kind} C{"shared"} from that and its state."""

    kind: str = "caching"
    """C{"caching"}, C{"shared"} or C{"disposable"}."""

    realm: IRealm | None = None
    """Finds the avatars instead."""

    state: Callable[[str], Any] | None = None
    """Makes the state from an avatar id; for C{kind} C{"shared"}."""

    linger: float | None = None
    """Seconds that an avatar or its state outlives its last session."""

    limit: int | Callable[[str], int] | None = None
    """How many sessions an avatar id may have."""

    total: int | None = None
    """How many sessions there may be."""

    on_full: IFullPolicy | None = None
    """What to do when there are that many."""

    guests: Callable[[str], Any] | None = None
    """Makes the avatars of guests."""

    guest_names: Collection[str] = ()
    """The accounts that are guests."""


def make_realm(wanted: RealmOptions, clock: IReactorTime | None = None) -> MindTrackingRealm:
    """
    The realm that was asked for.

    @param clock: by default the global reactor.
    """
    realm = _finder(wanted, clock)
    if wanted.guests is not None:
        guests = DisposableRealm(wanted.guests, clock=clock)
        realm = AnonymousRealm(realm, guests, names=wanted.guest_names)
    if wanted.limit is not None or wanted.total is not None:
        # Without a limit of their own, one user's sessions are bounded by the total.
        limit = wanted.limit if wanted.limit is not None else wanted.total or 1
        realm = ConnectionLimitedRealm(realm, limit, total=wanted.total, on_full=wanted.on_full)
    return MindTrackingRealm(realm)


def _finder(wanted: RealmOptions, clock: IReactorTime | None) -> IRealm:
    if wanted.realm is not None:
        return wanted.realm
    # With no avatar but the guests' there is no account either that could ask for another.
    avatar: Callable[..., Any] | None = wanted.avatar or wanted.guests
    if avatar is None:
        raise ValueError("neither a realm, an avatar nor guests were asked for")
    if wanted.kind == "shared":
        if wanted.state is None:
            raise ValueError("a shared realm needs state")
        return SharedStateRealm(avatar, wanted.state, linger=wanted.linger, clock=clock)
    if wanted.kind == "disposable":
        return DisposableRealm(avatar, clock=clock)
    return CachingRealm(avatar, linger=wanted.linger, clock=clock)
