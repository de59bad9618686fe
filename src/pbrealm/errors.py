"""
Reasons why sessions end, and the errors that clients get.

Every error here is a L{pb.Error}: Perspective Broker sends it as one line of text, and logs no
traceback.  The text ends with the number of its L{Reason}, because the text is all that a client
gets from C{await}; L{reason_of} reads the number.
"""

from __future__ import annotations

import re
from enum import Enum

from twisted.cred.error import LoginDenied, UnauthorizedLogin
from twisted.spread import pb


class Reason(Enum):
    """
    Why a session ended.

    @ivar text: the reason in words.
    @ivar reconnect: whether the client should connect again by itself.
    """

    LOGGED_OUT = (1, "logged out", False)
    DISCONNECTED = (2, "disconnected", True)
    REPLACED = (3, "replaced", False)
    REFUSED = (4, "refused", False)
    KICKED = (5, "kicked", False)
    TOO_SLOW = (6, "too slow", True)
    NO_ANSWER = (7, "no answer", True)
    SHUTTING_DOWN = (8, "shutting down", True)
    BUSY = (9, "try again later", True)
    RECONNECT = (10, "asked to reconnect", True)

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
        """The number on the wire, which stays the same in later versions."""
        return int(self.value)

    def __str__(self) -> str:
        return self.text


class PBRealmError(pb.Error):
    """
    The base of pbrealm's errors.

    @ivar reason: the L{Reason} whose number the text ends with.
    @ivar sentence: the text without the number, for people at the server.
    """

    reason = Reason.REFUSED

    def __init__(self, text: str, reason: Reason | None = None) -> None:
        self.sentence = text
        if reason is not None:
            self.reason = reason
        super().__init__(f"{text} (reason {self.reason.number})")


class LoginRefused(PBRealmError, LoginDenied):
    """The login was refused."""


class TooManyConnections(LoginRefused):
    """The login was refused because all sessions that are allowed are taken."""


class WrongCredentials(PBRealmError, UnauthorizedLogin):
    """The name or the password is wrong."""


class SessionEnded(PBRealmError):
    """The session has ended, so it can't be called or notified."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"the session has ended: {reason.text}", reason)


class NotifyTimeout(PBRealmError):
    """The client did not answer a notification in time."""

    reason = Reason.NO_ANSWER


class NotificationDropped(PBRealmError):
    """A notification was dropped because its client is too slow."""

    reason = Reason.TOO_SLOW


class NoMind(PBRealmError):
    """The client can't be notified because it passed no mind when it logged in."""


class NotLoggedIn(PBRealmError):
    """A call has waited for a login of its service, and none came in time."""

    reason = Reason.BUSY


class LoginEnded(NotLoggedIn):
    """
    A login of a service has ended, or none came about.

    @ivar reconnect: whether the service comes back by itself.
    """

    def __init__(self, text: str, reason: Reason, reconnect: bool | None = None) -> None:
        """
        @param reconnect: by default what the reason says.
        """
        super().__init__(text, reason)
        self.reconnect = reason.reconnect if reconnect is None else reconnect


class CallLost(PBRealmError, pb.PBConnectionLost):
    """
    A call was under way when its session was lost.

    @ivar run: whether the server has run it; L{None} if nobody knows.
    """

    reason = Reason.DISCONNECTED

    def __init__(self, run: bool | None) -> None:
        what = {
            True: "the call was run, and its answer is lost",
            False: "the call was not run",
            None: "it isn't known whether the call was run",
        }
        super().__init__(f"the connection was lost: {what[run]}")
        self.run = run


class StoreError(PBRealmError):
    """A store can't do what it was asked to."""

    reason = Reason.BUSY


class StoreUnusable(StoreError):
    """The file can't be opened, or isn't one of a store of this version."""


class StoreLocked(StoreUnusable):
    """Another process has the store open."""


class StoreDamaged(StoreError):
    """What was read isn't what was saved."""

    reason = Reason.REFUSED


class StoreClosed(StoreError):
    """The store is closed."""

    reason = Reason.SHUTTING_DOWN


class SaveFailed(StoreError):
    """Changes could not be saved, and were undone."""


_NUMBER = re.compile(r"\(reason (\d+)\)$")


def reason_of(error: object) -> Reason | None:
    """
    Read the reason from an error that pbrealm raised, in this process or at the peer.

    @param error: an exception or a L{Failure<twisted.python.failure.Failure>}, as C{callRemote}
        and C{login} deliver them.
    @return: L{None} if the error isn't one of pbrealm's.
    """
    value = getattr(error, "value", error)
    found = _NUMBER.search(str(value))
    if found is None:
        return None
    number = int(found[1])
    return next((reason for reason in Reason if reason.number == number), None)


__all__ = [
    "CallLost",
    "LoginEnded",
    "LoginRefused",
    "NoMind",
    "NotLoggedIn",
    "NotificationDropped",
    "NotifyTimeout",
    "PBRealmError",
    "Reason",
    "SaveFailed",
    "SessionEnded",
    "StoreClosed",
    "StoreDamaged",
    "StoreError",
    "StoreLocked",
    "StoreUnusable",
    "TooManyConnections",
    "WrongCredentials",
    "reason_of",
]
