"""
Perspective Broker's login with a password, which isn't sent.
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import md5

from twisted.cred.credentials import IUsernameHashedPassword
from twisted.spread import pb
from zope.interface import implementer

from pbrealm.errors import LoginRefused
from pbrealm.interfaces import ILoginClient, ILoginMethod
from pbrealm.logins._challenge import LoginChallenge
from pbrealm.logins._login import Login, account_name


@implementer(ILoginMethod)
class PasswordLogin:
    """
    Perspective Broker's login with a password: what L{pb.PBClientFactory.login} does with a name
    and a password.

    The client proves that it knows the password by a response to a challenge.
    """

    name = "login"

    def begin(self, client: ILoginClient, username: object) -> tuple[bytes, LoginChallenge]:
        challenge = PasswordChallenge(account_name(username))
        return challenge.challenge, challenge


@implementer(IUsernameHashedPassword, pb.IUsernameMD5Password)
class PasswordChallenge(LoginChallenge):
    """
    A challenge that is responded to with a password, and then is the credentials of the login.

    @ivar challenge: random bytes.
    @ivar username: the account's name, as checkers expect it.
    """

    def __init__(self, username: bytes) -> None:
        self._response = b""
        self.challenge = secrets.token_bytes(16)
        self.username = username

    def remote_respond(self, response: object, mind: object) -> Login:
        """Finish the login."""
        if not isinstance(response, bytes):
            raise LoginRefused("the response to the challenge must be bytes")
        self._response = response
        return Login(self, mind, account=self.username)

    def checkPassword(self, password: bytes) -> bool:
        """Whether the response was made with this password."""
        return self.checkMD5Password(md5(password).digest())

    def checkMD5Password(self, password: bytes) -> bool:
        """Whether the response was made with the password that has this MD5 digest."""
        correct = md5(password + self.challenge).digest()
        return hmac.compare_digest(self._response, correct)
