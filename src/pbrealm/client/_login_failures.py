"""
Why a login has failed, and whether to come back.
"""

from __future__ import annotations

import re
from typing import Final

from twisted.cred.error import LoginFailed
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm._error_text import describe
from pbrealm._log_text import bounded_failure, kind_of, log_text
from pbrealm.errors import LoginEnded, Reason, SessionEnded, reason_of

_log = Logger()

_NUMBER: Final = re.compile(r" \(reason \d+\)$")

_LOST: Final = (pb.PBConnectionLost, pb.DeadReferenceError, ConnectionLost, ConnectionDone)


def no_credentials(why: Failure) -> LoginEnded:
    """
    The program's callable has given no credentials.

    It is asked again, unless it says that nobody may log in: by an error of cred, or by one of
    pbrealm's whose reason is none to come back for.
    """
    if isinstance(why.value, LoginEnded):
        return why.value
    reason = reason_of(why)
    if reason is None:
        reason = Reason.REFUSED if isinstance(why.value, LoginFailed) else Reason.BUSY
    if reason.reconnect:
        _log.failure("no credentials for the login", bounded_failure(why))
    return LoginEnded(f"no credentials: {_sentence(why)}", reason)


def no_connection(why: Failure) -> LoginEnded:
    """The endpoint hasn't connected."""
    if isinstance(why.value, LoginEnded):
        return why.value
    return LoginEnded(f"no connection: {_sentence(why)}", Reason.DISCONNECTED)


def no_login(why: Failure) -> LoginEnded:
    """
    There was an error instead of a login.

    As Perspective Broker has it, the error is final, unless it says that the client should come
    back.  Without a server there is no error.
    """
    if isinstance(why.value, LoginEnded):
        return why.value
    # Not by C{why.check}: the server chooses the type of an error that it sends.
    if isinstance(why.value, _LOST):
        return lost("before the login was answered")
    return LoginEnded(_sentence(why), reason_of(why) or Reason.REFUSED)


def not_resumed_yet(why: Failure) -> LoginEnded | None:
    """
    A session wasn't resumed.

    @return: what has happened, if it may be resumed later; L{None} if the server has said that
        there is nothing to come back to.
    """
    if isinstance(why.value, LoginEnded):
        # It took too long.
        return why.value
    if isinstance(why.value, SessionEnded):
        return None
    if isinstance(why.value, (pb.Error, pb.RemoteError)) and not isinstance(why.value, _LOST):
        return None
    return lost("while the session was to be resumed")


def no_session(why: Failure) -> LoginEnded:
    """There is no session to come back to."""
    if isinstance(why.value, SessionEnded):
        return LoginEnded(why.value.sentence, why.value.reason)
    # The server doesn't know it any more: after a restart, most likely.
    return LoginEnded(_sentence(why), Reason.DISCONNECTED)


def lost(when: str = "") -> LoginEnded:
    """The connection was lost."""
    return LoginEnded(f"the connection was lost {when}".rstrip(), Reason.DISCONNECTED)


def logged_out() -> LoginEnded:
    """The program has stopped the service."""
    return LoginEnded("logged out", Reason.LOGGED_OUT)


def said_goodbye(code: int, text: str, reconnect: bool) -> LoginEnded:
    """
    The server has ended the session.

    @param code: the number of the reason, which a later version may know only.
    """
    reason = next((each for each in Reason if each.number == code), None)
    if reason is None:
        reason = Reason.DISCONNECTED if reconnect else Reason.KICKED
    return LoginEnded(log_text(text), reason, reconnect)


def _sentence(why: Failure) -> str:
    """The text of an error, without the number of its reason."""
    if isinstance(why, pb.CopiedFailure):
        return _NUMBER.sub("", log_text(why.value)) or kind_of(why)
    if isinstance(why.value, (pb.Error, pb.RemoteError)):
        return _NUMBER.sub("", log_text(why.value)) or describe(why.value)
    return log_text(describe(why.value))
