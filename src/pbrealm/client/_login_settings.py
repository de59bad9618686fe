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
from pbrealm._delivery.notify import check_timeout
from pbrealm._wire.ids import MAX_CLIENT_ID, is_client_id


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


def positive_seconds(name: str, value: float) -> float:
    """
    Check a number of seconds.

    @raise ValueError: if it isn't a positive number.
    """
    seconds = check_timeout(name, value)
    if seconds is None:
        raise ValueError(f"{name} must be a positive number of seconds, not None")
    return seconds


def positive_bytes(name: str, value: int) -> int:
    """
    Check a number of bytes.

    @raise ValueError: if it isn't a positive whole number.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ValueError(f"{name} must be a positive number of bytes, not {value!r}")
    return value


def checked_client_id(client_id: bytes) -> bytes:
    """
    Check the id of a client.

    @raise ValueError: if it isn't bytes, or too long.
    """
    if not is_client_id(client_id):
        raise ValueError(f"client_id must be 1 to {MAX_CLIENT_ID} bytes, not {client_id!r}")
    return client_id
