"""
Login methods of a program's own, and a server that has them.
"""

from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ICredentials, IUsernamePassword, UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.defer import fail, succeed
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import (
    CachingRealm,
    ILoginClient,
    ILoginMethod,
    Limits,
    Login,
    LoginChallenge,
    MindTrackingRealm,
    ServerFactory,
)
from pbrealm.testing import MemoryServer
from tests.avatars import Player


class IToken(ICredentials):
    """A secret that says by itself whose it is."""


@implementer(IToken)
class Token:
    def __init__(self, token: object) -> None:
        self.token = token


@implementer(ICredentialsChecker)
class TokenChecker:
    credentialInterfaces = (IToken,)

    def __init__(self) -> None:
        self.checked = 0

    def requestAvatarId(self, credentials: Token) -> Any:
        self.checked += 1
        if credentials.token != b"t0ken":
            return fail(UnauthorizedLogin("no such token"))
        return succeed("alice")


@implementer(ICredentialsChecker)
class PlainChecker:
    credentialInterfaces = (IUsernamePassword,)

    def requestAvatarId(self, credentials: UsernamePassword) -> Any:
        if credentials.password != b"secret":
            raise UnauthorizedLogin()
        return credentials.username


@implementer(ILoginMethod)
class TokenLogin:
    name = "loginToken"

    def begin(self, client: ILoginClient, token: object, mind: object) -> Login:
        self.client = client
        return Login(Token(token), mind)


@implementer(ILoginMethod)
class PlainLogin:
    """Jasmin's: a name and a password, in one call."""

    name = "login"

    def begin(self, client: ILoginClient, name: Any, password: Any, mind: object = None) -> Login:
        return Login(UsernamePassword(name, password), mind, account=name)


@implementer(ILoginMethod)
class Asking:
    """What a function makes of the arguments."""

    name = "ask"

    def __init__(self, function: Any) -> None:
        self.function = function

    def begin(self, client: ILoginClient, *args: Any) -> Any:
        return self.function(*args)


class Counting(LoginChallenge):
    """A challenge that is given again until it was responded to often enough."""

    def __init__(self, left: int) -> None:
        self.left = left

    def remote_respond(self, token: Any, mind: Any = None) -> Any:
        self.left -= 1
        if self.left:
            return self.left, self
        return Login(Token(token), mind)


class LoginMethodTestCase(SynchronousTestCase):
    def serve(self, *methods: Any, realm: Any = None, **limits: Any) -> Any:
        self.checker = TokenChecker()
        self.realm = realm or MindTrackingRealm(CachingRealm(Player))
        portal = Portal(self.realm, [self.checker, PlainChecker()])
        limits = {"login_seconds": 0, "ping_interval": 0, **limits}
        factory = ServerFactory(portal, Limits(**limits), login_methods=methods)
        self.server = MemoryServer(self.realm, factory=factory)
        return self.connect()

    def connect(self) -> Any:
        client: Any = self.server.connect()
        client.root = client.wait(client.factory.getRootObject())
        return client

    def refused(self, client: Any, reference: Any, method: str, *args: Any) -> str:
        with self.assertRaises(pb.RemoteError) as caught:
            client.call(reference, method, *args)
        return str(caught.exception)
