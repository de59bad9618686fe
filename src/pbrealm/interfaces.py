"""
The interfaces between pbrealm and the classes of its users.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.python.failure import Failure
from zope.interface import Attribute, Interface

from pbrealm._types import AnySession
from pbrealm.errors import LoginEnded, Reason

_T = TypeVar("_T")


class ISession(Interface):
    """
    One login: the client's revocable hold on an avatar.

    L{pbrealm.Session} provides it.  Realms and policies are written against the interface.
    """

    id: int = Attribute("A number that no other session of this process has.")
    avatar_id: str = Attribute("Whom the client logged in as.")
    avatar: Any = Attribute("The avatar; None until the realm has found it.")
    mind: Any = Attribute("What the client passed to be called by, or None.")
    peer: IAddress | None = Attribute(
        "The address of the client; None where the connection is unknown."
    )
    since: datetime = Attribute("When the login was accepted, in UTC.")
    clock: IReactorTime = Attribute("The clock that the timeouts of this session run by.")
    away: bool = Attribute("Whether the client has lost its connection, and may come back.")
    ended: Reason | None = Attribute("Why the session ended; None as long as it hasn't.")

    def notify(method: str, /, *args: object, **kw: object) -> Deferred[Any]:
        """
        Call a method of the client's mind.  Never raises.  C{pbanswer} and C{pbtimeout} aren't
        sent, but say whether an answer is asked for, and how many seconds it may take.

        @return: fires with the answer, or fails.
        """

    def is_alive(timeout: float) -> Deferred[bool]:
        """
        Ask the client for a sign of life.

        @param timeout: seconds to wait for it.
        @return: fires with whether one came; never fails.
        """

    def end(reason: Reason = Reason.KICKED, *, text: str | None = None) -> Deferred[None]:
        """
        End the session; once it has ended, this does nothing.

        @param text: what the client is told, by default the text of the reason.
        @return: fires when the end is complete; never fails.
        """

    def on_away(callback: Callable[[ISession], object]) -> None:
        """
        Have C{callback(session)} called each time that C{away} has changed, as long as the session
        lasts.
        """

    def on_end(callback: Callable[[ISession, Reason], object]) -> None:
        """Have C{callback(session, reason)} called at the end; at once if it is past."""

    def forget_on_end(callback: Callable[[ISession, Reason], object]) -> None:
        """Undo one L{on_end}."""

    async def wait(awaited: Deferred[_T], late: Callable[[_T], object] | None = None) -> _T:
        """
        Wait during the login, but not longer than the session lives.

        For C{ISessionRealm.admit}, which must not go on for a client that has left.

        @param late: called with a result that comes after the session's end.
        @raise pbrealm.errors.SessionEnded: as soon as the session ends.
        """

    def log_failure(what: str, why: Failure) -> None:
        """
        Log what has failed on this session's behalf, as the server logs failed calls: text of
        clients is escaped and cut, the first error of each place in the code is logged in full,
        and further ones as short lines within a budget.

        @param what: what has failed.
        """

    async def attach(avatar: Any, aspect: Any, logout: Callable[[], object]) -> None:
        """
        Put the session on the avatar that a realm has found.

        @param aspect: the avatar's provider of the interface that was asked for.
        @param logout: called once: at the session's end, or if this fails.
        @raise pbrealm.errors.SessionEnded: if the session ends before this is done.
        @raise Exception: what C{IClientAware.attached} of the avatar failed with.
        """


class IClientAware(Interface):
    """
    An avatar that is told when clients attach and detach.

    For each L{attached} that succeeded there is one L{detached}, however the session ends.
    """

    def attached(session: AnySession) -> Awaitable[object] | None:
        """
        A client has been authenticated; the login is answered once this is done.

        @return: L{None}, or a Deferred or coroutine that the login waits for.
        @raise Exception: to fail the login.  L{detached} isn't called then.
        """

    def detached(session: AnySession, reason: Reason) -> Awaitable[object] | None:
        """
        The session has ended: its calls are refused, and its mind isn't called any more.

        The realm keeps the avatar until what this returns is done.  An exception is logged.
        """


class IRetirable(Interface):
    """
    An avatar, or the state of L{SharedStateRealm<pbrealm.SharedStateRealm>}, that is told when the
    realm lets go of it, so that it can be written back or be released.
    """

    def retire() -> Awaitable[object] | None:
        """
        The realm has let go of this, and no session is on it any more.  Called once.

        The next one for this avatar id is made when this is done, also if it fails, which is
        logged.

        @return: L{None}, or a Deferred or coroutine to wait for.
        """


class IFullPolicy(Interface):
    """
    What a L{ConnectionLimitedRealm<pbrealm.ConnectionLimitedRealm>} does with a newcomer when all
    its slots are taken.

    The newcomers of one avatar id are passed to the policy one at a time, after they have been
    authenticated.
    """

    waiting: int = Attribute(
        "How many newcomers of one avatar id may wait for the policy, the one that it is deciding "
        "on included; one more is refused.  The same holds for the queue of the total."
    )

    def make_room(newcomer: AnySession, holders: Sequence[AnySession]) -> Awaitable[object] | None:
        """
        End the session of a holder, wait until one ends, or refuse the newcomer.

        The realm then looks for a free slot, and asks again if others took it meanwhile.

        @param newcomer: the session of the login, which isn't answered yet.
        @param holders: the sessions that hold the slots in question, oldest first.  Logins of
            some may still be pending.
        @return: L{None}, or a Deferred or coroutine to wait for.
        @raise pbrealm.errors.TooManyConnections: to refuse the newcomer.  A newcomer without a
            free slot is refused too.  If it is all sessions together that are too many, the
            realm gives this the reason "try again later"; to refuse for good, raise another
            L{LoginRefused<pbrealm.errors.LoginRefused>}.
        """


class ILoginClient(Interface):
    """
    The client that logs in, as an L{ILoginMethod} sees it: one connection.

    It can be the key of a C{WeakKeyDictionary}, for what a method has to remember until the next
    call over the same connection.
    """

    peer: IAddress | None = Attribute("The address of the client.")
    transport: Any = Attribute(
        "The connection's transport.  Over TLS it has getPeerCertificate, as an ISSLTransport."
    )


class ILoginMethod(Interface):
    """
    A way to log in to a L{ServerFactory<pbrealm.ServerFactory>}: a method of its root object.

    One object serves all connections.

    C{begin(client, *args)} is called when a client calls the method.  C{client} is an
    L{ILoginClient}.  The arguments are what the client has sent: bytes, strings, whole numbers,
    L{None}, and references, such as the mind.  What they are is for the method to check, but there
    are as many as it declares: other calls are refused before.

    It returns a L{Login<pbrealm.Login>}, which the portal decides on; or else what the client is
    answered, which contains a L{LoginChallenge<pbrealm.LoginChallenge>} for it to respond to; or a
    Deferred or coroutine of either.  Any exception refuses the login, and the text of a
    L{pb.Error<twisted.spread.pb.Error>} reaches the client.

    Credentials are for the portal's checkers to check, and not for the login method: further
    attempts are delayed only after the L{UnauthorizedLogin<twisted.cred.error.UnauthorizedLogin>}
    of a checker.
    """

    name: str = Attribute("The method that clients call, such as login.")
    begin: Callable[..., object] = Attribute("Called with an ILoginClient, and what was sent.")


class ILoginObserver(Interface):
    """
    What a L{LoginService<pbrealm.client.LoginService>} tells of its logins.

    Each method may return a Deferred or coroutine, which nobody waits for.  What one fails with is
    logged.
    """

    def logged_in(perspective: Any) -> object:
        """
        The login was answered.

        @param perspective: the reference to the perspective, good until L{lost}.
        """

    def lost(why: LoginEnded) -> object:
        """
        The login is over: the connection is lost, or the server has said goodbye, or the service
        was stopped.  Either L{coming_back} or L{stopped} follows.

        @param why: has the C{reason}, and what happened as a C{sentence}.
        """

    def resumed() -> object:
        """
        The service has come back to its session after the connection was lost: what was under way
        goes on.  This is told only with C{resume=True}; L{coming_back} was told before.
        """

    def coming_back(seconds: float, why: LoginEnded) -> object:
        """
        The login is over, or an attempt to log in has failed; the service tries again.  With
        C{resume=True}, the login isn't over as long as L{lost} wasn't told.

        @param seconds: how long it waits before that.
        """

    def stopped(why: LoginEnded) -> object:
        """
        The service has stopped, because the program stopped it, or because it shouldn't come back.
        This is told once each time that the service was started.
        """


class ISessionRealm(IRealm):
    """
    A realm that passes sessions on to others, or takes them from others.

    The outermost of such realms begins the session of a login; each admits it and passes it on to
    the realm within.  All realms of pbrealm are of this kind.  The usual way to write another is
    to subclass L{pbrealm.realms.WrappingRealm}; L{pbrealm.realms.request_avatar},
    L{pbrealm.realms.identify} and L{pbrealm.realms.admit} serve those who'd rather not.
    """

    clock: IReactorTime | None = Attribute("The clock, or None for that of the server.")

    def identify(avatarId: object) -> str:
        """
        Determine the avatar id of a login.

        @param avatarId: what the checker returned.
        @raise pbrealm.errors.LoginRefused: if this realm accepts no such login.
        """

    async def admit(session: AnySession, interfaces: Sequence[type[Interface]]) -> tuple[Any, Any]:
        """
        Admit a session, or raise.

        @return: the interface that was chosen, and the aspect of the avatar that provides it.
        """


class IClosableRealm(Interface):
    """
    A realm that can be closed.

    L{ServerFactory.close<pbrealm.ServerFactory.close>} closes the realm of its portal, unless
    another server serves it.  The realms of pbrealm close the realms within in their turn, and
    retire their avatars and states.  Under another factory, the program closes the outermost
    realm.
    """

    def close() -> Deferred[None]:
        """
        Refuse all logins from now on, and retire all avatars and states, each as soon as the last
        session on it has ended.  It may be called any number of times.

        @return: fires when all have retired.  Whoever waits for it bounds the time: cancelling it
            ends the wait.
        """


__all__ = [
    "IClientAware",
    "IClosableRealm",
    "IFullPolicy",
    "ILoginClient",
    "ILoginMethod",
    "ILoginObserver",
    "IRetirable",
    "ISession",
    "ISessionRealm",
]
