"""
What a client gets to know of why its login is refused, and what the journal does.
"""

from __future__ import annotations

from typing import Final, NoReturn

from twisted.cred.error import LoginFailed, UnauthorizedLogin, UnhandledCredentials
from twisted.internet.interfaces import IAddress
from twisted.spread import pb

from pbrealm._journal import log_refusal
from pbrealm.errors import LoginRefused, Reason, SessionEnded, WrongCredentials


class _RefusedSession:
    """
    Stands for the session that a refused login would have had.
    """

    ended: Final = Reason.REFUSED

    @staticmethod
    def is_on(broker: pb.Broker) -> bool:
        return True


REFUSED_SESSIONS: Final = (_RefusedSession(),)
"""On whose behalf a login is refused: what the error holds isn't handed out."""


def raise_for_client(why: BaseException) -> NoReturn:
    """
    Raise what a client gets for what a login method, a checker or a realm has raised.

    A L{pb.Error} is meant for the client, and reaches it as it is.  Of another refusal the client
    doesn't get the text: with what that says of an account, accounts could be probed.

    @raise pb.Error: for a refusal.
    @raise BaseException: the same, if it isn't one.
    """
    told = _error_for_client(why)
    if told is why:
        raise told
    raise told from None


def _error_for_client(why: BaseException) -> BaseException:
    if isinstance(why, pb.Error) or not isinstance(why, LoginFailed):
        return why
    if isinstance(why, UnauthorizedLogin):
        return WrongCredentials("the name or the password is wrong")
    if isinstance(why, UnhandledCredentials):
        return LoginRefused("logins of this kind are not accepted here")
    return LoginRefused("the login was refused")


def journal_refusal(name: object, peer: IAddress | None, why: BaseException) -> None:
    """
    Log a refusal, with the text that the client doesn't get.

    @param name: of the account; L{None} if it isn't known.
    @param why: what was raised.  If that is a fault of the program, nothing is logged here.
    """
    # With SessionEnded, nobody has refused anything: the client has left.
    if isinstance(why, (LoginFailed, pb.Error)) and not isinstance(why, SessionEnded):
        told = _error_for_client(why)
        log_refusal(name, peer, told, "" if told is why else str(why))
