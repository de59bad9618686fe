"""
A login in two exchanges, for one of several interfaces of the avatar.

The client sends its name, and what it wants to be: a listener, or an administrator.  It gets a
keycard: a salt, a challenge, and an object to respond to.  With the response the login is decided.
The server keeps no passwords, but keys that are made of them.

    python docs/examples/keycard_login.py [ENDPOINT]

A client responds to the keycard with what answer_keycard makes of it:

    salt, challenge, keycard = await root.callRemote("login", b"alice", b"listener")
    response = answer_keycard(b"secret", salt, challenge)
    listener = await keycard.callRemote("respond", response, mind)
"""

import hashlib
import hmac
import secrets

from serving import serve
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ICredentials
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.spread import pb
from zope.interface import Interface, implementer

from pbrealm import (
    CachingRealm,
    ILoginMethod,
    Login,
    LoginChallenge,
    LoginRefused,
    ServerFactory,
)


def make_key(password, salt):
    return hashlib.pbkdf2_hmac("sha256", password, salt, 100_000)


def answer_keycard(password, salt, challenge):
    """What a client responds."""
    return hmac.digest(make_key(password, salt), challenge, "sha256")


class IKeycard(ICredentials):
    """The response to a keycard, which check(key) compares with the one for a key."""


@implementer(IKeycard)
class Keycard(LoginChallenge):
    def __init__(self, name, interface):
        self.name = name
        self.interface = interface
        self.challenge = secrets.token_bytes(16)

    def remote_respond(self, response, mind):
        if not isinstance(response, bytes):
            raise LoginRefused("the response must be bytes")
        self.response = response
        return Login(self, mind, account=self.name, interfaces=[self.interface])

    def check(self, key):
        return hmac.compare_digest(hmac.digest(key, self.challenge, "sha256"), self.response)


@implementer(ILoginMethod)
class KeycardLogin:
    name = "login"

    def __init__(self, accounts):
        self.accounts = accounts

    def begin(self, client, name, wanted):
        # A client names an interface.  Never import what it names, but look it up.
        interface = INTERFACES.get(wanted)
        if interface is None or not isinstance(name, bytes):
            raise LoginRefused("not a keycard that is known here")
        keycard = Keycard(name, interface)
        return self.accounts.salt(name), keycard.challenge, keycard


@implementer(ICredentialsChecker)
class Accounts:
    credentialInterfaces = (IKeycard,)

    def __init__(self, passwords):
        self.secret = secrets.token_bytes(16)
        self.keys = {name: make_key(given, self.salt(name)) for name, given in passwords.items()}

    def salt(self, name):
        # Names that there aren't have a salt, too, so that nobody can find out which there are.
        return hmac.digest(self.secret, name, "sha256")

    def requestAvatarId(self, keycard):
        key = self.keys.get(keycard.name)
        if key is None or not keycard.check(key):
            raise UnauthorizedLogin("wrong name or password")
        return keycard.name


class IListener(Interface):
    """Hears what is on air."""


class IAdministrator(Interface):
    """Decides what is on air."""


INTERFACES = {b"listener": IListener, b"administrator": IAdministrator}


class User:
    on_air = "silence"

    def __init__(self, name):
        self.name = name

    def __conform__(self, interface):
        if interface is IListener:
            return Listener(self)
        if interface is IAdministrator:
            if self.name != "alice":
                raise LoginRefused(f"{self.name} is no administrator")
            return Administrator(self)
        return None


class Listener(pb.Referenceable):
    def __init__(self, user):
        self.user = user

    def remote_listen(self):
        return f"{User.on_air}, for {self.user.name}"


class Administrator(Listener):
    def remote_play(self, what):
        User.on_air = what


accounts = Accounts({b"alice": b"secret", b"bob": b"secret"})
portal = Portal(CachingRealm(User), [accounts])

if __name__ == "__main__":
    serve(ServerFactory(portal, login_methods=[KeycardLogin(accounts)]))
