"""
Two login methods of your own: a name with a password in plain text, and a token.

The server has only hashes of the passwords.  Perspective Broker's own login, which is left out
here, can't check these: its clients don't send the password.  These do, so use TLS.  A token says
by itself whose it is.

A login method makes credentials of what the client sends.  The portal's checkers decide on them,
as in all of Twisted: what they refuse delays further attempts.

    python docs/examples/token_login.py [ENDPOINT]

A client calls the methods of the root object, which getRootObject of its factory gets:

    perspective = await root.callRemote("loginPassword", b"alice", b"secret", mind)
    token = await perspective.callRemote("make_token")
    perspective = await root.callRemote("loginToken", token, mind)
"""

import hashlib
import hmac
import secrets

from serving import serve
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ICredentials, IUsernamePassword, UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.spread import pb
from zope.interface import implementer

from pbrealm import CachingRealm, ILoginMethod, Login, LoginRefused, ServerFactory


def hash_password(salt, password):
    return hashlib.scrypt(password, salt=salt, n=2**14, r=8, p=1)


@implementer(ILoginMethod)
class PlainPasswordLogin:
    name = "loginPassword"

    def begin(self, client, name, password, mind):
        if not isinstance(name, bytes) or not isinstance(password, bytes):
            raise LoginRefused("the name and the password must be bytes")
        # The throttle counts wrong passwords by the account, and by the client's address.
        return Login(UsernamePassword(name, password), mind, account=name)


class IToken(ICredentials):
    """A token, which the attribute of the same name has."""


@implementer(IToken)
class Token:
    def __init__(self, token):
        self.token = token


@implementer(ILoginMethod)
class TokenLogin:
    name = "loginToken"

    def begin(self, client, token, mind):
        # Whose it is, the checker finds out; until then the throttle counts by the address.
        return Login(Token(token), mind)


@implementer(ICredentialsChecker)
class HashedPasswords:
    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, passwords):
        self.hashes = {}
        for name, password in passwords.items():
            salt = secrets.token_bytes(16)
            self.hashes[name] = salt, hash_password(salt, password)

    async def check(self, credentials):
        # A name that there isn't takes as long, so that nobody can find out which there are.
        salt, right = self.hashes.get(credentials.username, (b"no account", b""))
        hashed = await deferToThread(hash_password, salt, credentials.password)
        if not hmac.compare_digest(hashed, right):
            raise UnauthorizedLogin("the password is wrong")
        return credentials.username

    def requestAvatarId(self, credentials):
        return Deferred.fromCoroutine(self.check(credentials))


@implementer(ICredentialsChecker)
class Tokens:
    credentialInterfaces = (IToken,)

    def __init__(self):
        self.owners = {}

    def make(self, owner):
        token = secrets.token_bytes(16)
        self.owners[hashlib.sha256(token).digest()] = owner
        return token

    def requestAvatarId(self, credentials):
        if not isinstance(credentials.token, bytes):
            raise LoginRefused("a token must be bytes")
        try:
            return self.owners[hashlib.sha256(credentials.token).digest()]
        except KeyError:
            raise UnauthorizedLogin("there is no such token") from None


class User(pb.Avatar):
    def __init__(self, name):
        self.name = name

    def perspective_greet(self):
        return f"hello {self.name}"

    def perspective_make_token(self):
        return tokens.make(self.name)


tokens = Tokens()
passwords = HashedPasswords({b"alice": b"secret", b"bob": b"secret"})
portal = Portal(CachingRealm(User), [passwords, tokens])

if __name__ == "__main__":
    serve(ServerFactory(portal, login_methods=[PlainPasswordLogin(), TokenLogin()]))
