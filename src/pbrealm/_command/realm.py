"""
The realm that the command serves, composed as its options say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime

from pbrealm._command.realm_options import RealmOptions
from pbrealm._types import AnyRealm
from pbrealm.realms import (
    AnonymousRealm,
    CachingRealm,
    ConnectionLimitedRealm,
    DisposableRealm,
    MindTrackingRealm,
    SharedStateRealm,
)


def make_realm(options: RealmOptions, clock: IReactorTime | None = None) -> MindTrackingRealm[Any]:
    """
    Make the realm that the options ask for.

    @param clock: by default the global reactor.
    @raise ValueError: if the options lack what the realm needs.
    """
    realm: AnyRealm = _make_innermost(options, clock)
    if options.guests is not None:
        guests = DisposableRealm(options.guests, clock=clock)
        realm = AnonymousRealm(realm, guests, names=options.guest_names)
    if options.limit is not None or options.total is not None:
        realm = ConnectionLimitedRealm(
            realm, options.limit, total=options.total, on_full=options.on_full
        )
    return MindTrackingRealm(realm)


def _make_innermost(options: RealmOptions, clock: IReactorTime | None) -> AnyRealm:
    if options.realm is not None:
        return options.realm
    # If only guests can log in, no login ever reaches the avatars of this realm.
    avatar: Callable[..., Any] | None = options.avatar or options.guests
    if avatar is None:
        raise ValueError("the options name neither a realm nor an avatar nor guests")
    if options.kind == "shared":
        if options.state is None:
            raise ValueError("a shared realm needs a state factory")
        return SharedStateRealm(avatar, options.state, linger=options.linger, clock=clock)
    if options.kind == "disposable":
        return DisposableRealm(avatar, clock=clock)
    return CachingRealm(avatar, linger=options.linger, clock=clock)
