"""
Why sessions end, and the errors that tell a client so.

Every error here is a L{pb.Error}: Perspective Broker sends its one line of text to the peer and
logs no traceback for it.  The text ends with the number of its L{Reason}, since a peer that gets
an error by way of C{await} is left with nothing but the text; L{reason_of} reads it there.
"""

from __future__ import annotations

import re
from enum import Enum

from twisted.cred.error import LoginDenied, UnauthorizedLogin
from twisted.spread import pb


class Reason(Enum):
    """
    Why a session ended.

    @ivar text: what to tell a person.
    @ivar reconnect: whether the client does well to come back by itself.
    """

    LOGGED_OUT = (1, "logged out", False)
    DISCONNECTED = (2, "disconnected", True)
    REPLACED = (3, "replaced", False)
    REFUSED = (4, "refused", False)
    KICKED = (5, "kicked", False)
    TOO_SLOW = (6, "too slow", True)
    NO_ANSWER = (7, "no answer", True)
    SHUTTING_DOWN = (8, "shutting down", True)

    text: str
    reconnect: bool

    def __new__(cls, number: int, text: str, reconnect: bool) -> Reason:
        self = object.__new__(cls)
        self._value_ = number
        self.text = text
        self.reconnect = reconnect
        return self

    @property
    def number(self) -> int:
        """The stable number, the same that C{Reason(number)} takes."""
        return int(self.value)

    def __str__(self) -> str:
        return self.text


class PBRealmError(pb.Error):
    """
    What pbrealm refuses, and why.

    @ivar reason: the L{Reason} whose number the text ends with.
    """

    reason = Reason.REFUSED

    def __init__(self, text: str, reason: Reason | None = None) -> None:
        if reason is not None:
            self.reason = reason
        super().__init__(f"{text} (reason {self.reason.number})")


class LoginRefused(PBRealmError, LoginDenied):
    """The login was authenticated, and refused."""


class TooManyConnections(LoginRefused):
    """The login was refused because as many sessions are open as may be."""


class WrongCredentials(PBRealmError, UnauthorizedLogin):
    """The name or the password is wrong."""


class SessionEnded(PBRealmError):
    """The session that was called through, or that was to be notified, has ended."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"the session has ended: {reason.text}", reason)


class NotifyTimeout(PBRealmError):
    """The client did not answer a notification in time."""

    reason = Reason.NO_ANSWER


class NotificationDropped(PBRealmError):
    """A notification was dropped, because its client is too slow."""

    reason = Reason.TOO_SLOW


class NoMind(PBRealmError):
    """The client passed no mind when it logged in, so it can't be notified."""


_NUMBER = re.compile(r"\(reason (\d+)\)$")


def reason_of(error: object) -> Reason | None:
    """
    Read the reason from an error that pbrealm raised, here or at the other end of a connection.

    @param error: an exception or a L{Failure<twisted.python.failure.Failure>}, as C{callRemote}
        and C{login} deliver them.
    @return: L{None} where the error isn't one of pbrealm's.
    """
    value = getattr(error, "value", error)
    found = _NUMBER.search(str(value))
    if found is None:
        return None
    number = int(found[1])
    return next((reason for reason in Reason if reason.number == number), None)


__all__ = [
    "LoginRefused",
    "NoMind",
    "NotificationDropped",
    "NotifyTimeout",
    "PBRealmError",
    "Reason",
    "SessionEnded",
    "TooManyConnections",
    "WrongCredentials",
    "reason_of",
]
