"""
What a client gets to know of why its login is refused, and what the journal does.
"""

from __future__ import annotations

from twisted.cred.error import LoginFailed, UnauthorizedLogin, UnhandledCredentials
from twisted.internet.interfaces import IAddress
from twisted.spread import pb

from pbrealm._journal import log_refusal
from pbrealm.errors import LoginRefused, SessionEnded, WrongCredentials


def error_for_client(why: LoginFailed | pb.Error) -> pb.Error:
    """
    The error that a client gets for what a checker or a realm refuses its login with.

    A L{pb.Error} is meant for the client, and reaches it as it is.  Of another error the client
    doesn't get the text: with an account's state or existence in it, accounts could be probed.
    """
    if isinstance(why, pb.Error):
        return why
    if isinstance(why, UnauthorizedLogin):
        return WrongCredentials("the name or the password is wrong")
    if isinstance(why, UnhandledCredentials):
        return LoginRefused("logins of this kind are not accepted here")
    return LoginRefused("the login was refused")


def journal_refusal(
    avatar_id: object, peer: IAddress | None, why: LoginFailed | pb.Error, told: pb.Error
) -> None:
    """
    Log a refusal, with the text that the client doesn't get.

    @param told: what the client gets.
    """
    if isinstance(why, SessionEnded):
        # The client has left; nobody has refused anything.
        return
    log_refusal(avatar_id, peer, told, "" if told is why else str(why))
