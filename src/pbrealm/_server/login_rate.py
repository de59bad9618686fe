"""
How fast the client of one connection may log in and out.
"""

from __future__ import annotations

from typing import Final

from pbrealm.errors import LoginRefused, Reason

LOGINS_AT_ONCE: Final = 100
"""How many logins may begin without a pause."""

SECONDS_PER_LOGIN: Final = 1.0
"""After how many seconds one more login may begin."""


class LoginRate:
    """
    Bounds the rate of logins, whatever they come to.

    A client needs 25 bytes for a login and its logout; the server makes and drops a session, and
    writes 200 bytes to its journal.
    """

    __slots__ = ("_left", "_since")

    def __init__(self, now: float) -> None:
        self._left = float(LOGINS_AT_ONCE)
        self._since = now

    def begin(self, now: float) -> None:
        """
        A login begins.

        @raise LoginRefused: if it may not.
        """
        renewed = (now - self._since) / SECONDS_PER_LOGIN
        self._left = min(self._left + renewed, LOGINS_AT_ONCE)
        self._since = now
        if self._left < 1:
            raise LoginRefused("too many logins on this connection; try again later", Reason.BUSY)
        self._left -= 1
