"""
The journal: one log event for each login, each refusal and each end of a session.

What clients have sent is escaped, and cut after 200 characters.  All values are plain, so that
they are the same in a JSON log: C{event}, C{avatar_id} and
C{peer}; a login and an end have C{session}; a refusal and an end have C{why} and C{reason}, the
number of a L{Reason}; an end has C{seconds}.
"""

from __future__ import annotations

from twisted.cred.checkers import ANONYMOUS
from twisted.internet.interfaces import IAddress
from twisted.logger import Logger

from pbrealm._addresses import format_address
from pbrealm._log_text import log_text
from pbrealm.errors import PBRealmError, Reason
from pbrealm.interfaces import ISession

NAMESPACE = "pbrealm.journal"
"""The log namespace of these events."""

_log = Logger(namespace=NAMESPACE)


def log_login(session: ISession) -> None:
    """A session has opened."""
    _log.info(
        "login of {avatar_id} from {peer}: session {session}",
        event="login",
        avatar_id=log_text(session.avatar_id),
        peer=format_address(session.peer),
        session=session.id,
    )


def log_end(session: ISession, reason: Reason) -> None:
    """A session has ended."""
    _log.info(
        "end of session {session} of {avatar_id} from {peer} after {seconds} s: {why}",
        event="end",
        avatar_id=log_text(session.avatar_id),
        peer=format_address(session.peer),
        session=session.id,
        seconds=round(session.clock.seconds() - session.since.timestamp(), 3),
        why=reason.text,
        reason=reason.number,
    )


def log_refusal(avatar_id: object, peer: IAddress | None, why: BaseException | None) -> None:
    """
    A login was refused.

    @param avatar_id: as the checker or the client gave it: a string, bytes or L{ANONYMOUS}.
    @param why: the error that the client gets.
    """
    if isinstance(avatar_id, bytes):
        avatar_id = avatar_id.decode("utf-8", "backslashreplace")
    if isinstance(why, PBRealmError):
        text, reason = str(why), why.reason
    else:
        text, reason = f"{type(why).__name__}: {why}", Reason.REFUSED
    _log.info(
        "login of {avatar_id} from {peer} refused: {why}",
        event="refusal",
        avatar_id="anonymous" if avatar_id == ANONYMOUS else log_text(avatar_id),
        peer=format_address(peer),
        why=log_text(text),
        reason=reason.number,
    )
