"""
Avatar ids: the one form that pbrealm uses, and the ids of guests.
"""

from __future__ import annotations

import re

from twisted.cred.checkers import ANONYMOUS
from twisted.python.reflect import qual

from pbrealm.errors import LoginRefused

_GUEST = re.compile(r"guest#\d+")


def guest_id(number: int) -> str:
    """The avatar id of a guest."""
    return f"guest#{number}"


def is_guest(avatar_id: str) -> bool:
    """Whether L{AnonymousRealm<pbrealm.AnonymousRealm>} gives out such avatar ids."""
    return _GUEST.fullmatch(avatar_id) is not None


def avatar_id_from(avatarId: object) -> str:
    """
    Normalise what a checker returned, so that one user doesn't become two.

    @return: the avatar id as a string; bytes are decoded as UTF-8.
    @raise LoginRefused: for an anonymous login, and for anything but a string or UTF-8.
    """
    if isinstance(avatarId, str):
        return avatarId
    if isinstance(avatarId, bytes):
        try:
            return avatarId.decode("utf-8")
        except UnicodeDecodeError:
            raise LoginRefused("the name is not valid UTF-8") from None
    if avatarId == ANONYMOUS:
        raise LoginRefused("anonymous logins are not accepted here")
    raise LoginRefused(f"the checker gave {qual(type(avatarId))} as the avatar id, not a string")
