"""
What a login is, whichever realms it passes.

The outermost of our realms begins the session (L{log_in}), each lets it in and passes it on to
the realm within (L{enter}), and the one that finds the avatar puts the session on it
(L{put_on_avatar}).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.reflect import qual
from twisted.spread.pb import IPerspective
from zope.interface import Interface

from pbrealm._clock import clock_or_reactor
from pbrealm._session.connection import connection_of, format_address
from pbrealm._session.session import Session
from pbrealm.errors import LoginRefused, PBRealmError, Reason, SessionEnded
from pbrealm.interfaces import ISessionRealm
from pbrealm.realms._eager import start

JOURNAL = "pbrealm.journal"
"""The namespace of the lines on logins, refusals and ends."""

_log = Logger(namespace=JOURNAL)

Login = tuple[type[Interface], Any, Callable[[], None]]
"""What a realm answers: the interface, the aspect that provides it, and the logout."""


def log_in(
    realm: ISessionRealm, avatarId: object, mind: object, interfaces: Sequence[type[Interface]]
) -> Deferred[Login]:
    """
    Begin a session, and see it through to its place on an avatar: the C{requestAvatar} of a
    realm that is an L{ISessionRealm}.

    @return: fires with the interface, the L{Session} (or, for another interface than
        L{IPerspective}, the aspect of the avatar), and the logout.  It fails with what refused
        the login, or with L{SessionEnded} as soon as the session ends.  Cancelled, it ends the
        session.
    """
    try:
        avatar_id = realm.identify(avatarId)
        session = Session(avatar_id, mind, clock_or_reactor(realm.clock))
    except PBRealmError as why:
        connection = connection_of(mind)
        _say_refused(avatarId, None if connection is None else connection.peer, why)
        return fail(why)
    except Exception:
        return fail()

    def admitted(found: tuple[type[Interface], Any]) -> Login:
        interface, aspect = found
        if session.ended is not None:
            # Somebody who was told of the arrival has ended it.
            raise SessionEnded(session.ended)
        session.open()
        return interface, (session if interface is IPerspective else aspect), session.logout

    def refused(why: Failure) -> Failure:
        session.end(Reason.REFUSED)
        _say_refused(session.avatar_id, session.peer, why.value)
        return why

    admission = start(realm.admit(session, interfaces))
    if admission.called:
        return admission.addCallback(admitted).addErrback(refused)
    answer: Deferred[Login] = Deferred(lambda _: _cancel(session))
    admission.addCallback(admitted).addErrback(refused).chainDeferred(answer)
    return answer


def _say_refused(avatar_id: object, peer: IAddress | None, why: BaseException | None) -> None:
    if isinstance(avatar_id, bytes):
        avatar_id = avatar_id.decode("utf-8", "backslashreplace")
    reason = getattr(why, "reason", Reason.REFUSED)
    _log.info(
        "login of {avatar_id} from {peer} refused: {why}",
        event="refusal",
        avatar_id=avatar_id if avatar_id != () else "anonymous",
        peer=format_address(peer),
        why=str(why) if isinstance(why, PBRealmError) else f"{type(why).__name__}: {why}",
        reason=reason.number if isinstance(reason, Reason) else Reason.REFUSED.number,
    )


def _cancel(session: Session) -> None:
    session.end(Reason.REFUSED)


def enter(
    realm: IRealm, session: Session, interfaces: Sequence[type[Interface]]
) -> Coroutine[Any, Any, tuple[type[Interface], Any]]:
    """
    Pass a session on to the realm within, ours or a hand-written one.

    @return: raises what the realm refuses the login with.
    """
    if ISessionRealm.providedBy(realm):
        admission: Coroutine[Any, Any, tuple[type[Interface], Any]]
        admission = realm.admit(session, interfaces)
        return admission
    return _enter_foreign(realm, session, interfaces)


async def _enter_foreign(
    realm: IRealm, session: Session, interfaces: Sequence[type[Interface]]
) -> tuple[type[Interface], Any]:
    request: Callable[..., Any] = realm.requestAvatar
    answer = maybeDeferred(request, session.avatar_id, session.mind, *interfaces)
    interface, aspect, logout = await session.wait(answer, late=lambda login: login[2]())
    await session.occupy(aspect, aspect, logout)
    return interface, aspect


async def put_on_avatar(
    session: Session,
    avatar: Any,
    interfaces: Sequence[type[Interface]],
    logout: Callable[[], object],
) -> tuple[type[Interface], Any]:
    """
    Find the aspect that was asked for, and put the session on the avatar.

    @param logout: called once, at the session's end or if it doesn't come about.
    @raise NotImplementedError: if the avatar can't be adapted to any of the interfaces.
    """
    for interface in interfaces:
        aspect = interface(avatar, None)
        if aspect is not None:
            await session.occupy(avatar, aspect, logout)
            return interface, aspect
    logout()
    asked = " or ".join(map(qual, interfaces)) or "an interface"
    raise NotImplementedError(f"{qual(type(avatar))} can't be adapted to {asked}")


def identify(realm: IRealm, avatarId: object) -> str:
    """
    Ask the realm within under which avatar id a login goes on; a hand-written one has no say.

    @raise LoginRefused: if it can't be an avatar id.
    """
    if ISessionRealm.providedBy(realm):
        return realm.identify(avatarId)
    return avatar_id_from(avatarId)


def clock_of(realm: IRealm) -> IReactorTime | None:
    """The clock of the realm within, or L{None} if it has none of its own."""
    return realm.clock if ISessionRealm.providedBy(realm) else None


def avatar_id_from(avatarId: object) -> str:
    """
    The one form of an avatar id that pbrealm knows, so that one user doesn't become two.

    @raise LoginRefused: for an anonymous login, and for what is neither a string nor the bytes
        of one.
    """
    if isinstance(avatarId, str):
        return avatarId
    if isinstance(avatarId, bytes):
        try:
            return avatarId.decode("utf-8")
        except UnicodeDecodeError:
            raise LoginRefused("the name is not valid UTF-8") from None
    if avatarId == ():
        raise LoginRefused("anonymous logins are not accepted here")
    raise LoginRefused(f"the checker gave {qual(type(avatarId))} as the avatar id, not a string")
