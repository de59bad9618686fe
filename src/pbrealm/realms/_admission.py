"""
How a login passes through realms.

The outermost of pbrealm's realms begins the session (L{request_avatar}); each admits it and
passes it on to the realm within (L{admit}); the one that finds the avatar attaches the session to
it (L{attach_to_avatar}).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.python.reflect import qual
from twisted.spread.pb import IPerspective
from zope.interface import Interface, alsoProvides
from zope.interface.interface import InterfaceClass

from pbrealm._arguments import described
from pbrealm._avatar_ids import avatar_id_from
from pbrealm._broker_slot import broker_of
from pbrealm._clock import clock_or_reactor
from pbrealm._journal import log_refusal
from pbrealm._session.connection import ConnectedMind, connection_of
from pbrealm._session.given_aspects import note_aspect, take_session
from pbrealm._session.served_realms import add_served_realm
from pbrealm._session.session import Session
from pbrealm._types import AnyRealm
from pbrealm.errors import LoginRefused, PBRealmError, Reason, SessionEnded
from pbrealm.interfaces import ISession, ISessionRealm

Login = tuple[type[Interface], Any, Callable[[], None]]
"""The result of C{requestAvatar}: the interface, its provider, and the logout."""


def request_avatar(
    realm: ISessionRealm, avatarId: object, mind: object, interfaces: Sequence[type[Interface]]
) -> Deferred[Login]:
    """
    Begin a session, and have the realm admit it: the C{requestAvatar} of an L{ISessionRealm}.

    @return: fires with the interface, the L{Session} (or, for an interface other than
        L{IPerspective} and those that extend it, the aspect of the avatar), and the logout.  It
        fails with what refused the login, or with L{SessionEnded} as soon as the session ends.
        Cancelling it ends the session.
    """
    if isinstance(mind, ConnectedMind):
        mind.authenticated(avatarId)
    else:
        add_served_realm(broker_of(mind), realm)
    try:
        avatar_id = realm.identify(avatarId)
        session = Session(avatar_id, mind, _clock(realm, mind), realm)
        if isinstance(mind, ConnectedMind):
            mind.session = session
    except PBRealmError as why:
        connection = connection_of(mind)
        log_refusal(avatarId, None if connection is None else connection.peer, why)
        return fail(why)
    except BaseException:
        return fail()

    def admitted(found: tuple[type[Interface], Any]) -> Login:
        interface, aspect = found
        if session.ended is not None:
            # A subscriber or a realm that was told of the session has ended it.
            raise _EndedAfterAdmission(session.ended)
        session.open()
        served = _served(session, interface, aspect)
        if served is not session and not isinstance(mind, ConnectedMind):
            note_aspect(session, served)
        return interface, served, session.logout

    def refused(why: Failure) -> Failure:
        if session.ended is None and session.disconnected:
            # Whatever failed, it failed because the client has left.
            why = Failure(SessionEnded(Reason.DISCONNECTED))
        session.end(Reason.DISCONNECTED if session.disconnected else Reason.REFUSED)
        if isinstance(why.value, _EndedAfterAdmission):
            # The journal has its login and its end.
            return Failure(SessionEnded(session.ended or Reason.REFUSED))
        log_refusal(session.avatar_id, session.peer, why.value)
        return why

    # A realm may be a program's own, whose coroutines need one context from start to end.
    admission = Deferred.fromCoroutine(realm.admit(session, interfaces))
    if admission.called:
        return admission.addCallback(admitted).addErrback(refused)
    login: Deferred[Login] = Deferred(lambda _: _cancel(session))
    admission.addCallback(admitted).addErrback(refused).chainDeferred(login)
    return login


def _served(session: Session, interface: Any, aspect: Any) -> Any:
    """What the client is served by: the session, which can be revoked, wherever it's possible."""
    if interface is IPerspective:
        return session
    # A hand-written realm may give anything as the interface.
    if not isinstance(interface, InterfaceClass) or not interface.extends(IPerspective):
        return aspect
    alsoProvides(session, interface)
    return session


class _EndedAfterAdmission(SessionEnded):
    """A session was admitted by every realm, and has ended before the login is answered."""


def _clock(realm: ISessionRealm, mind: object) -> IReactorTime:
    if realm.clock is None and isinstance(mind, ConnectedMind):
        return mind.clock
    return clock_or_reactor(realm.clock)


def _cancel(session: Session) -> None:
    session.end(Reason.REFUSED)


def admit(
    realm: AnyRealm, session: ISession, interfaces: Sequence[type[Interface]]
) -> Coroutine[Any, Any, tuple[type[Interface], Any]]:
    """
    Pass a session on to a realm: one of pbrealm's, or a hand-written one.

    @return: the interface that was chosen, and its provider.  It raises what the realm refuses
        the login with.
    """
    if ISessionRealm.providedBy(realm):
        admission: Coroutine[Any, Any, tuple[type[Interface], Any]]
        admission = realm.admit(session, interfaces)
        return admission
    return _admit_by_request(realm, session, interfaces)


async def _admit_by_request(
    realm: AnyRealm, session: ISession, interfaces: Sequence[type[Interface]]
) -> tuple[type[Interface], Any]:
    request: Callable[..., Any] = realm.requestAvatar
    answer = maybeDeferred(request, session.avatar_id, session.mind, *interfaces)
    interface, aspect, logout = await session.wait(answer, late=lambda login: login[2]())
    try:
        inner = take_session(aspect, logout, session.mind)
    except LoginRefused:
        logout()
        raise
    await session.attach(aspect if inner is None else inner, aspect, logout)
    return interface, aspect


async def attach_to_avatar(
    session: ISession,
    avatar: Any,
    interfaces: Sequence[type[Interface]],
    logout: Callable[[], object],
) -> tuple[type[Interface], Any]:
    """
    Adapt the avatar to an interface that was asked for, and attach the session to it.

    @param logout: called once: at the session's end, or if this fails.
    @return: the interface, and the aspect of the avatar that provides it.
    @raise NotImplementedError: if the avatar can't be adapted to any of the interfaces; the text
        says so in one sentence.
    @raise Exception: what an adapter, or C{IClientAware.attached} of the avatar, failed with.
    """
    try:
        interface, aspect = _find_aspect(avatar, interfaces)
    except BaseException:
        logout()
        raise
    await session.attach(avatar, aspect, logout)
    return interface, aspect


def _find_aspect(avatar: Any, interfaces: Sequence[type[Interface]]) -> tuple[Any, Any]:
    for interface in interfaces:
        aspect = interface(avatar, None)
        if aspect is not None:
            return interface, aspect
    if IPerspective in interfaces:
        raise NotImplementedError(
            f"{described(avatar)} is no perspective: make its class a subclass of pb.Avatar"
        )
    asked = " or ".join(map(qual, interfaces)) or "an interface"
    raise NotImplementedError(f"{qual(type(avatar))} can't be adapted to {asked}")


def identify(realm: AnyRealm, avatarId: object) -> str:
    """
    Determine the avatar id of a login, as a realm has it; a hand-written one has no say.

    @param avatarId: what the checker returned.
    @raise LoginRefused: if the realm accepts no such login.
    """
    if ISessionRealm.providedBy(realm):
        return realm.identify(avatarId)
    return avatar_id_from(avatarId)


def clock_of(realm: AnyRealm) -> IReactorTime | None:
    """The clock of a realm; L{None} if it has none of its own."""
    return realm.clock if ISessionRealm.providedBy(realm) else None
