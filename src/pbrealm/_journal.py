"""
The journal: one log event for each login, each refusal and each end of a session, for each client
that goes away and returns, one where clients of an account keep replacing each other, and one for
each action of the administration.

What clients have sent is escaped, and cut after 200 characters.  All values are plain, so that
they are the same in a JSON log: C{event}, C{avatar_id} and C{peer}; all but a refusal have
C{session}; a refusal and an end have C{why} and C{reason}, the number of a L{Reason}; an end and
a contention have C{seconds}; a contention has C{other}, the address of the one that stays.  An
action has C{action}, C{what}, and as C{peer} the address of who acts, or C{unix socket}; it has
C{avatar_id} only if it is about one, and C{text} only if clients are told one.
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


def log_away(session: ISession) -> None:
    """The client has lost its connection and may come back to its session, or has come back."""
    _log.info(
        "session {session} of {avatar_id} is away, last from {peer}"
        if session.away
        else "session {session} of {avatar_id} is back, from {peer}",
        event="away" if session.away else "return",
        avatar_id=log_text(session.avatar_id),
        peer=format_address(session.peer),
        session=session.id,
    )


def log_refusal(
    avatar_id: object, peer: IAddress | None, why: BaseException | None, untold: str = ""
) -> None:
    """
    A login was refused.

    @param avatar_id: as the checker or the client gave it: a string, bytes or L{ANONYMOUS}.
        L{None} if it isn't known.
    @param why: the error that the client gets.
    @param untold: what else is known, but not told the client.
    """
    if avatar_id is None:
        avatar_id = "an unknown account"
    if isinstance(avatar_id, bytes):
        avatar_id = avatar_id.decode("utf-8", "backslashreplace")
    if isinstance(why, PBRealmError):
        text, reason = str(why), why.reason
    else:
        text, reason = f"{type(why).__name__}: {why}", Reason.REFUSED
    if untold:
        text = f"{text}: {untold}"
    _log.info(
        "login of {avatar_id} from {peer} refused: {why}",
        event="refusal",
        avatar_id="anonymous" if avatar_id == ANONYMOUS else log_text(avatar_id),
        peer=format_address(peer),
        why=log_text(text),
        reason=reason.number,
    )


def log_contention(newcomer: ISession, holder: ISession, seconds: int) -> None:
    """
    Clients keep replacing each other: one of them has to wait.

    @param holder: the session that stays.
    @param seconds: how long the newcomer has to wait.
    """
    _log.warn(
        "{avatar_id} logs in from {peer} and from {other}, and each login ends the other's "
        "session: session {session} stays for {seconds} s",
        event="contention",
        avatar_id=log_text(newcomer.avatar_id),
        peer=format_address(newcomer.peer),
        other=format_address(holder.peer),
        session=holder.id,
        seconds=seconds,
    )


def log_action(
    who: str, action: str, what: str, avatar_id: str | None = None, text: str | None = None
) -> None:
    """
    Somebody acts by way of the administration.

    @param who: the address.
    @param action: one word.
    @param what: to whom or what, and how.
    @param avatar_id: whom it is about, if it is one.
    @param text: what clients are told, if that was said.
    """
    about = {"avatar_id": avatar_id, "text": text}
    _log.info(
        "{action} from {peer}: {what}"
        if text is None
        else "{action} from {peer}: {what}, with the text: {text}",
        event="action",
        action=action,
        peer=who,
        what=log_text(what),
        **{name: log_text(value) for name, value in about.items() if value is not None},
    )
