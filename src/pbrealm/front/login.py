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
from twisted.python import reflect
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.spread.flavors import IPBRoot
from twisted.spread.interfaces import IJellyable
from zope.interface import implementer

from pbrealm._connection import Caller, format_address, transport_of
from pbrealm._session import Session
from pbrealm.errors import LoginRefused, Reason, WrongCredentials
from pbrealm.interfaces import ISessionRealm

_log = Logger()


@implementer(IPBRoot)
class LoginRoot:
    """
    Makes a L{LoginDesk} for each connection.
    """

    def __init__(self, portal: Portal) -> None:
        self.portal = portal

    def rootObject(self, broker: pb.Broker) -> LoginDesk:
        return LoginDesk(self.portal, broker)


class LoginDesk(pb.Referenceable):
    """
    The object that a client of one connection gets as the root: what
    L{pb.PBClientFactory.login} talks to.
    """

    def __init__(self, portal: Portal, broker: pb.Broker) -> None:
        self._portal = portal
        self._broker = broker

    def remote_login(self, username: object) -> tuple[bytes, Challenger]:
        """Begin a login with a password."""
        if isinstance(username, str):
            username = username.encode("utf-8")
        if not isinstance(username, bytes):
            raise LoginRefused("the name must be a string")
        challenger = Challenger(self, username)
        return challenger.challenge, challenger

    def remote_loginAnonymous(self, mind: object) -> Deferred[pb.Referenceable]:
        """Log in without a name."""
        return self.log_in(Anonymous(), mind, "anonymous")

    def log_in(
        self, credentials: ICredentials, mind: object, name: object
    ) -> Deferred[pb.Referenceable]:
        """
        Go through the portal.

        @return: fires with what the client gets a reference to.  It fails with a L{pb.Error} for
            everything that a client can be refused for.
        """
        if ISessionRealm.providedBy(self._portal.realm):
            mind = Caller(self._broker, mind)
        answer = self._portal.login(credentials, mind, pb.IPerspective)
        return answer.addCallbacks(self._hand_out, self._refuse, errbackArgs=(name,))

    def _hand_out(self, login: tuple[Any, Any, Callable[[], object]]) -> pb.Referenceable:
        _, aspect, logout = login
        broker = self._broker
        if broker.disconnected:
            logout()
            raise LoginRefused("the client left during its login", Reason.DISCONNECTED)
        # With one more than this the broker would refuse to register the reference, after this
        # has returned and with nobody left to see to the logout.
        if len(broker.localObjects) > pb.MAX_BROKER_REFS:
            logout()
            raise LoginRefused("too many references are held over this connection")
        if isinstance(aspect, Session):
            # It watches the connection by itself.
            dropped = logout
        else:
            dropped = _once_until_lost(broker, logout)
        reference: Any = aspect
        if not IJellyable.providedBy(aspect):
            reference = pb.AsReferenceable(aspect, "perspective")
        # Nothing public tells of a reference that the peer has dropped.
        broker._localCleanup[reference.processUniqueID()] = dropped
        return cast(pb.Referenceable, reference)

    def _refuse(self, why: Failure, name: object) -> Failure:
        if why.check(pb.Error) or not why.check(LoginFailed):
            return why
        _log.info(
            "login of {name} from {peer} refused: {why}",
            name=name,
            peer=format_address(transport_of(self._broker).getPeer()),
            why=why.getErrorMessage() or reflect.qual(type(why.value)),
        )
        if why.check(UnauthorizedLogin):
            return Failure(WrongCredentials("the name or the password is wrong"))
        if why.check(UnhandledCredentials):
            return Failure(LoginRefused("logins of this kind are not accepted here"))
        return Failure(LoginRefused(why.getErrorMessage() or "the login was refused"))


def _once_until_lost(broker: Any, logout: Callable[[], object]) -> Callable[[], object]:
    """
    Have a hand-written realm's logout called when the connection goes.

    @return: calls it before that; once in all, and the broker keeps nothing of it.
    """
    broker.notifyOnDisconnect(logout)

    def dropped() -> None:
        broker.dontNotifyOnDisconnect(logout)
        logout()

    return dropped


@implementer(IUsernameHashedPassword, pb.IUsernameMD5Password)
class Challenger(pb.Referenceable):
    """
    One challenge, which can be answered once: the credentials of a login with a password.
    """

    def __init__(self, desk: LoginDesk, username: bytes) -> None:
        """
        @param username: as checkers expect it.
        """
        self._desk: LoginDesk | None = desk
        self._response = b""
        self.challenge = secrets.token_bytes(16)
        self.username = username

    def remote_respond(self, response: object, mind: object) -> Deferred[pb.Referenceable]:
        """Finish the login."""
        desk, self._desk = self._desk, None
        if desk is None:
            raise LoginRefused("this challenge has been answered before")
        if not isinstance(response, bytes):
            raise LoginRefused("the response to the challenge must be bytes")
        self._response = response
        return desk.log_in(self, mind, self.username)

    def checkPassword(self, password: bytes) -> bool:
        """Whether the response was made with this password."""
        return self.checkMD5Password(md5(password).digest())

    def checkMD5Password(self, password: bytes) -> bool:
        """Whether the response was made with the password of this digest."""
        correct = md5(password + self.challenge).digest()
        return hmac.compare_digest(self._response, correct)
