"""
What the logins of a service have in common.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.cred.credentials import IAnonymous
from twisted.internet.interfaces import IReactorTime
from twisted.spread import pb

from pbrealm._arguments import described


@dataclass(frozen=True)
class LoginSettings:
    """
    How to log in.

    @ivar credentials: returns the credentials of the next login, or a Deferred or coroutine of
        them.
    @ivar mind: what the server gets to call.
    @ivar goodbye: the method of the mind that the server calls when it ends the session.
    @ivar connect_timeout: seconds until there is a connection.
    @ivar login_timeout: seconds until there are credentials, and again from the connection to the
        answer to the login.
    @ivar ping_interval: seconds of silence until the server is pinged; 0 for never.
    @ivar ping_timeout: seconds that the server has for a sign of life after a ping.
    @ivar resume_bytes: how much is kept of what the server hasn't acknowledged; L{None} if
        sessions aren't resumed.
    @ivar client_id: who this client is among those of its account.
    """

    credentials: Callable[[], Any]
    mind: pb.Referenceable
    goodbye: str
    connect_timeout: float
    login_timeout: float
    ping_interval: float
    ping_timeout: float
    clock: IReactorTime
    resume_bytes: int | None
    client_id: bytes


def check_credentials(credentials: Any) -> Any:
    """
    Check that one can log in with these.

    @return: the same.
    @raise TypeError: if not.
    """
    if not IAnonymous.providedBy(credentials) and not (
        hasattr(credentials, "username") and hasattr(credentials, "password")
    ):
        raise TypeError(
            "credentials must be UsernamePassword(name, password), Anonymous(), or a function "
            f"that returns either, not {described(credentials)}"
        )
    return credentials
