"""
Login methods, and what it takes to write one's own.

A login method is an L{ILoginMethod<pbrealm.interfaces.ILoginMethod>}.  It returns a L{Login}, or a
L{LoginChallenge} for the client to respond to.
"""

from pbrealm.logins._anonymous import AnonymousLogin
from pbrealm.logins._challenge import LoginChallenge
from pbrealm.logins._login import Login, account_name
from pbrealm.logins._password import PasswordLogin

__all__ = [
    "AnonymousLogin",
    "Login",
    "LoginChallenge",
    "PasswordLogin",
    "account_name",
]
