"""
Logins: the root object of a connection, and the challenge for a password.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from copy import copy
from hashlib import md5
from typing import Any, cast

from twisted.cred.checkers import ANONYMOUS
from twisted.cred.credentials import Anonymous, ICredentials, IUsernameHashedPassword
from twisted.cred.error import LoginFailed
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.spread import pb
from twisted.spread.flavors import IPBRoot
from twisted.spread.interfaces import IJellyable
from zope.interface import implementer

from pbrealm._eager import start
from pbrealm._server.broker import ServerBroker
from pbrealm._server.login_refusal import error_for_client, journal_refusal
from pbrealm._server.login_request import is_plain_id
from pbrealm._server.login_state import PendingLogin
from pbrealm._server.referenceable import (
    SessionReferenceable,
    UnauthenticatedReferenceable,
)
from pbrealm._session.connection import ConnectedMind
from pbrealm._session.session import Session
from pbrealm.errors import LoginRefused, Reason
from pbrealm.interfaces import ISessionRealm

MAX_NAME_BYTES = 1024
"""Bytes of an account's name.  The throttle keeps names, and the journal logs them."""

_log = Logger()


@implementer(IRealm)
class _HandWrittenRealm:
    """
    Passes the mind itself to a realm that isn't one of pbrealm's.

    A realm is asked once the client has been authenticated, and may call its mind then.
    """

    def __init__(self, realm: IRealm) -> None:
        self._realm = realm

    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        mind.authenticated()
        request: Any = self._realm.requestAvatar
        return request(avatarId, mind.mind, *interfaces)


@implementer(IPBRoot)
class PortalRoot:
    """
    Makes the L{LoginRoot} of each connection.
    """

    def __init__(self, portal: Portal) -> None:
        if not ISessionRealm.providedBy(portal.realm):
            portal = copy(portal)
            portal.realm = _HandWrittenRealm(portal.realm)
        self.portal = portal

    def rootObject(self, broker: ServerBroker) -> LoginRoot:
        return LoginRoot(self.portal, broker)


class LoginRoot(UnauthenticatedReferenceable):
    """
    The root object of one connection: what L{pb.PBClientFactory.login} calls.
    """

    def __init__(self, portal: Portal, broker: ServerBroker) -> None:
        self._portal = portal
        self._broker = broker
        self._client = broker.client

    methods = {"login": 1, "loginAnonymous": 1}

    def remote_login(self, username: object) -> tuple[bytes, Challenge]:
        """Begin a login with a password."""
        if isinstance(username, str):
            username = username.encode("utf-8")
        if not isinstance(username, bytes):
            raise LoginRefused("the name must be a string")
        if len(username) > MAX_NAME_BYTES:
            raise LoginRefused(f"the name is longer than {MAX_NAME_BYTES} bytes")
        self._client.begin_challenge()
        challenge = Challenge(self, username)
        # Only this private table tells when the client drops the challenge without a response.
        self._broker._localCleanup[challenge.processUniqueID()] = self._client.end_challenge
        return challenge.challenge, challenge

    def remote_loginAnonymous(self, mind: object) -> Deferred[pb.Referenceable]:
        """Log in without a name."""
        return self.log_in(Anonymous(), None, mind)

    def end_challenge(self, challenge: Challenge) -> None:
        """A challenge of this root has been responded to."""
        self._broker._localCleanup.pop(challenge.processUniqueID(), None)
        self._client.end_challenge()

    def log_in(
        self, credentials: ICredentials, account: bytes | None, mind: object
    ) -> Deferred[pb.Referenceable]:
        """
        Log in to the portal.

        @param account: the account's name; L{None} for an anonymous login.
        @return: fires with what the client gets a reference to.  Every refusal is a L{pb.Error}.
        @raise LoginRefused: if this client may not log in, or not again.
        """
        _check_mind(mind, self._broker)
        login = self._client.begin_login()
        return start(self._log_in(login, credentials, account, mind))

    async def _log_in(
        self, login: PendingLogin, credentials: ICredentials, account: bytes | None, mind: object
    ) -> pb.Referenceable:
        portal = self._portal
        mind = ConnectedMind(
            self._broker, mind, self._client.clock, lambda: self._client.authenticated(login)
        )
        try:
            if account is None:
                _, aspect, logout = await portal.login(credentials, mind, pb.IPerspective)
            else:
                async with self._client.attempt(account) as password_is_right:
                    if isinstance(credentials, Challenge):
                        credentials.on_right_password = password_is_right
                    _, aspect, logout = await portal.login(credentials, mind, pb.IPerspective)
            self._check_still_possible(logout)
        except (LoginFailed, pb.Error) as why:
            self._client.refused(login)
            told = error_for_client(why)
            # Realms of pbrealm journal what is refused after the authentication by themselves.
            if not login.authenticated or isinstance(portal.realm, _HandWrittenRealm):
                name = ANONYMOUS if account is None else account
                journal_refusal(name, self._client.peer, why, told)
            if told is why:
                raise
            raise told from None
        except BaseException:
            self._client.refused(login)
            raise
        self._client.logged_in(login, account)
        return self._hand_out(aspect, logout)

    def _check_still_possible(self, logout: Callable[[], object]) -> None:
        if self._client.closing:
            logout()
            raise LoginRefused("the server is shutting down", Reason.SHUTTING_DOWN)
        if self._broker.disconnected:
            logout()
            raise LoginRefused("the client left during its login", Reason.DISCONNECTED)
        # With one more than this, the broker would raise when it registers the reference.  That
        # is after the login has succeeded, and then nobody would call the logout.
        if len(self._broker.localObjects) > pb.MAX_BROKER_REFS:
            logout()
            raise LoginRefused("too many references are held over this connection")

    def _hand_out(self, aspect: Any, logout: Callable[[], object]) -> pb.Referenceable:
        reference = aspect
        if isinstance(aspect, Session):
            reference = SessionReferenceable(aspect)
        elif not IJellyable.providedBy(aspect):
            reference = pb.AsReferenceable(aspect, "perspective")
        if isinstance(aspect, Session):
            aspect.on_end(self._session_ended)
        if not ISessionRealm.providedBy(self._portal.realm):
            # A session watches the connection by itself; nobody else does.
            logout = self._until_lost(logout, counted=not isinstance(aspect, Session))
        # Only this private table tells when the client drops the reference.
        self._broker._localCleanup[reference.processUniqueID()] = logout
        return cast(pb.Referenceable, reference)

    def _session_ended(self, _: Session, reason: Reason) -> None:
        self._client.logged_out(reason)
        self._broker.stop_revoked_copies()

    def _until_lost(self, logout: Callable[[], object], *, counted: bool) -> Callable[[], object]:
        """
        Have the logout of a hand-written realm called when the connection is lost.

        @param counted: whether the login is over with that.
        @return: calls the logout before the connection is lost.  It is called once in all.
        """
        broker = self._broker

        def lost() -> None:
            try:
                logout()
            except BaseException:
                _log.failure("{logout} failed", logout=logout)

        def dropped() -> None:
            broker.dontNotifyOnDisconnect(lost)
            if counted:
                self._client.logged_out(Reason.LOGGED_OUT)
            lost()

        broker.notifyOnDisconnect(lost)
        return dropped


def _check_mind(mind: object, broker: ServerBroker) -> None:
    """
    Check that a mind is an object of this client that can be called, or None.

    A client can pass anything that Perspective Broker can send, with attributes of its choice.

    @raise LoginRefused: if it's something else.
    """
    if mind is not None and not (
        type(mind) is pb.RemoteReference and mind.broker is broker and is_plain_id(mind.luid)
    ):
        raise LoginRefused("the mind must be a pb.Referenceable of the client, or None")


@implementer(IUsernameHashedPassword, pb.IUsernameMD5Password)
class Challenge(UnauthenticatedReferenceable):
    """
    A challenge that can be responded to once, and then is the credentials of the login.

    @ivar challenge: random bytes.
    @ivar username: the account's name, as checkers expect it.
    @ivar on_right_password: called when a checker finds that the response was made with the right
        password; the realm may take its time after that.
    """

    methods = {"respond": 2}

    def __init__(self, root: LoginRoot, username: bytes) -> None:
        self._root: LoginRoot | None = root
        self._response = b""
        self.challenge = secrets.token_bytes(16)
        self.username = username
        self.on_right_password: Callable[[], object] = _nothing

    def remote_respond(self, response: object, mind: object) -> Deferred[pb.Referenceable]:
        """Finish the login."""
        root, self._root = self._root, None
        if root is None:
            raise LoginRefused("this challenge has been answered before")
        root.end_challenge(self)
        if not isinstance(response, bytes):
            raise LoginRefused("the response to the challenge must be bytes")
        self._response = response
        return root.log_in(self, self.username, mind)

    def checkPassword(self, password: bytes) -> bool:
        """Whether the response was made with this password."""
        return self.checkMD5Password(md5(password).digest())

    def checkMD5Password(self, password: bytes) -> bool:
        """Whether the response was made with the password that has this MD5 digest."""
        correct = md5(password + self.challenge).digest()
        right = hmac.compare_digest(self._response, correct)
        if right:
            self.on_right_password()
        return right


def _nothing() -> None:
    """Nobody wants to know of a right password."""
