"""
The root object that clients log in by, and the challenge that they answer.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from hashlib import md5
from typing import Any, cast

from twisted.cred.credentials import Anonymous, ICredentials, IUsernameHashedPassword
from twisted.cred.error import LoginFailed, UnauthorizedLogin, UnhandledCredentials
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.spread import pb
from twisted.spread.flavors import IPBRoot
from twisted.spread.interfaces import IJellyable
from zope.interface import implementer

from pbrealm._server.broker import ServerBroker
from pbrealm._server.unauthenticated import UnauthenticatedReferenceable
from pbrealm._session.connection import Caller, format_address
from pbrealm._session.session import Session
from pbrealm.errors import LoginRefused, Reason, WrongCredentials
from pbrealm.interfaces import ISessionRealm
from pbrealm.realms._admission import JOURNAL

LONGEST_NAME = 1024
"""Bytes of an account's name.  Failed logins are remembered by name, and logged."""

_log = Logger(namespace=JOURNAL)


@implementer(IPBRoot)
class PortalRoot:
    """
    Makes a L{LoginRoot} for each connection.
    """

    def __init__(self, portal: Portal) -> None:
        self.portal = portal

    def rootObject(self, broker: ServerBroker) -> LoginRoot:
        return LoginRoot(self.portal, broker)


class LoginRoot(UnauthenticatedReferenceable):
    """
    The object that a client of one connection gets as the root: what
    L{pb.PBClientFactory.login} talks to.
    """

    def __init__(self, portal: Portal, broker: ServerBroker) -> None:
        self._portal = portal
        self._broker = broker
        self._visitor = broker.visitor

    def remote_login(self, username: object) -> tuple[bytes, Challenge]:
        """Begin a login with a password."""
        if isinstance(username, str):
            username = username.encode("utf-8")
        if not isinstance(username, bytes):
            raise LoginRefused("the name must be a string")
        if len(username) > LONGEST_NAME:
            raise LoginRefused(f"the name is longer than {LONGEST_NAME} bytes")
        self._visitor.challenged()
        challenger = Challenge(self, username)
        # A client that drops it unanswered gets it back; nothing public tells of that.
        self._broker._localCleanup[challenger.processUniqueID()] = self._visitor.answered
        return challenger.challenge, challenger

    def remote_loginAnonymous(self, mind: object) -> Deferred[pb.Referenceable]:
        """Log in without a name."""
        return self.log_in(Anonymous(), None, mind)

    def answered(self, challenger: Challenge) -> None:
        """A challenge of this desk has had its answer."""
        self._broker._localCleanup.pop(challenger.processUniqueID(), None)
        self._visitor.answered()

    def log_in(
        self, credentials: ICredentials, account: bytes | None, mind: object
    ) -> Deferred[pb.Referenceable]:
        """
        Go through the portal.

        @return: fires with what the client gets a reference to.  It fails with a L{pb.Error} for
            everything that a client can be refused for.
        @raise LoginRefused: if this client may not even try.
        """
        self._visitor.begin_login()
        return Deferred.fromCoroutine(self._log_in(credentials, account, mind))

    async def _log_in(
        self, credentials: ICredentials, account: bytes | None, mind: object
    ) -> pb.Referenceable:
        portal = self._portal
        if ISessionRealm.providedBy(portal.realm):
            mind = Caller(self._broker, mind)
        try:
            if account is not None:
                await self._visitor.wait_for_turn(account)
            _, aspect, logout = await portal.login(credentials, mind, pb.IPerspective)
            self._make_sure_of_a_place_for(logout)
        except LoginFailed as why:
            self._visitor.refused()
            raise self._tell(account, why) from None
        except BaseException:
            self._visitor.refused()
            raise
        self._visitor.logged_in(account)
        return self._hand_out(aspect, logout)

    def _make_sure_of_a_place_for(self, logout: Callable[[], object]) -> None:
        if self._visitor.closing:
            logout()
            raise LoginRefused("the server is shutting down", Reason.SHUTTING_DOWN)
        if self._broker.disconnected:
            logout()
            raise LoginRefused("the client left during its login", Reason.DISCONNECTED)
        # With one more than this the broker would refuse to register the reference, after the
        # login has returned and with nobody left to see to the logout.
        if len(self._broker.localObjects) > pb.MAX_BROKER_REFS:
            logout()
            raise LoginRefused("too many references are held over this connection")

    def _hand_out(self, aspect: Any, logout: Callable[[], object]) -> pb.Referenceable:
        reference = aspect
        if not IJellyable.providedBy(aspect):
            reference = pb.AsReferenceable(aspect, "perspective")
        if isinstance(aspect, Session):
            aspect.on_end(self._ended)
        if not ISessionRealm.providedBy(self._portal.realm):
            # A session of ours watches the connection by itself.
            logout = self._until_lost(logout, not isinstance(aspect, Session))
        # Nothing public tells of a reference that the peer has dropped.
        self._broker._localCleanup[reference.processUniqueID()] = logout
        return cast(pb.Referenceable, reference)

    def _ended(self, _: Session, reason: Reason) -> None:
        self._visitor.logged_out(reason)

    def _until_lost(self, logout: Callable[[], object], counted: bool) -> Callable[[], object]:
        """
        Have a hand-written realm's logout called when the connection goes.

        @param counted: whether the login is over with that.
        @return: calls it before that; once in all, and the broker keeps nothing of it.
        """
        broker = self._broker

        def lost() -> None:
            try:
                logout()
            except Exception:
                _log.failure("{logout} failed", logout=logout)

        def dropped() -> None:
            broker.dontNotifyOnDisconnect(lost)
            if counted:
                self._visitor.logged_out(Reason.LOGGED_OUT)
            lost()

        broker.notifyOnDisconnect(lost)
        return dropped

    def _tell(self, account: bytes | None, why: LoginFailed) -> Any:
        told = _as_pb_error(why)
        if isinstance(why, UnauthorizedLogin) and account is not None:
            self._visitor.wrong_password(account)
        if told is not why:
            # It comes from a checker, or a hand-written realm: ours have said so themselves.
            _log.info(
                "login of {avatar_id} from {peer} refused: {why}",
                event="refusal",
                avatar_id="anonymous" if account is None else account.decode("utf-8", "replace"),
                peer=format_address(self._visitor.peer),
                why=str(told),
                reason=told.reason.number,
            )
        return told


def _as_pb_error(why: LoginFailed) -> Any:
    """What a checker or a realm refuses with, as an error that Perspective Broker can send."""
    if isinstance(why, pb.Error):
        return why
    if isinstance(why, UnauthorizedLogin):
        return WrongCredentials("the name or the password is wrong")
    if isinstance(why, UnhandledCredentials):
        return LoginRefused("logins of this kind are not accepted here")
    return LoginRefused(str(why) or "the login was refused")


@implementer(IUsernameHashedPassword, pb.IUsernameMD5Password)
class Challenge(UnauthenticatedReferenceable):
    """
    One challenge, which can be answered once: the credentials of a login with a password.
    """

    def __init__(self, desk: LoginRoot, username: bytes) -> None:
        """
        @param username: as checkers expect it.
        """
        self._desk: LoginRoot | None = desk
        self._response = b""
        self.challenge = secrets.token_bytes(16)
        self.username = username

    def remote_respond(self, response: object, mind: object) -> Deferred[pb.Referenceable]:
        """Finish the login."""
        desk, self._desk = self._desk, None
        if desk is None:
            raise LoginRefused("this challenge has been answered before")
        desk.answered(self)
        if not isinstance(response, bytes):
            raise LoginRefused("the response to the challenge must be bytes")
        self._response = response
        return desk.log_in(self, self.username, mind)

    def checkPassword(self, password: bytes) -> bool:
        """Whether the response was made with this password."""
        return self.checkMD5Password(md5(password).digest())

    def checkMD5Password(self, password: bytes) -> bool:
        """Whether the response was made with the password of this digest."""
        correct = md5(password + self.challenge).digest()
        return hmac.compare_digest(self._response, correct)
