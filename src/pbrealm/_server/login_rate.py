"""
How fast clients may log in and out: that of one connection, and all of one origin.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from pbrealm._server.limits import Limits
from pbrealm.errors import LoginRefused, Reason

LOGINS_AT_ONCE: Final = 100
"""How many logins may begin on one connection without a pause."""

SECONDS_PER_LOGIN: Final = 1.0
"""After how many seconds one more login may begin on one connection."""

LOGINS_PER_CONNECTION: Final = 4
"""
How many logins of one origin may begin without a pause, for each connection that an address may
have: all its clients may come back at once, and soon again, and a few addresses' of its network.
"""

SECONDS_PER_CROWD: Final = 300.0
"""After how many seconds as many logins of one origin may begin again."""


class LoginRate:
    """
    Bounds the rate of logins, whatever they come to.

    A client needs 25 bytes for a login and its logout; the server makes and drops a session, and
    writes 200 bytes to its journal.
    """

    __slots__ = ("_at_once", "_interval", "_left", "_since")

    def __init__(
        self, now: float, at_once: int = LOGINS_AT_ONCE, interval: float = SECONDS_PER_LOGIN
    ) -> None:
        """
        @param at_once: how many logins may begin without a pause.
        @param interval: after how many seconds one more may begin.
        """
        self._at_once = at_once
        self._interval = interval
        self._left = float(at_once)
        self._since = now

    def begin(self, now: float) -> None:
        """
        A login begins.

        @raise LoginRefused: if it may not.
        """
        renewed = (now - self._since) / self._interval
        self._left = min(self._left + renewed, self._at_once)
        self._since = now
        if self._left < 1:
            raise LoginRefused("too many logins from here; try again later", Reason.BUSY)
        self._left -= 1


class OriginRates:
    """
    Bounds the rate of logins from each origin, over however many connections they come.

    The table is bounded: beyond as many origins as there may be connections, the one that has
    logged in least recently is forgotten.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        # The longest unused first.
        self._rates: OrderedDict[str, LoginRate] = OrderedDict()

    def __len__(self) -> int:
        return len(self._rates)

    def begin(self, origin: str | None, now: float) -> None:
        """
        A login begins.

        @param origin: an address or a network; L{None} if it isn't known, and nothing is counted.
        @raise LoginRefused: if it may not.
        """
        if origin is None:
            return
        rate = self._rates.get(origin)
        if rate is None:
            at_once = LOGINS_PER_CONNECTION * self._limits.connections_per_address
            rate = LoginRate(now, at_once, SECONDS_PER_CROWD / at_once)
            self._rates[origin] = rate
            while len(self._rates) > self._limits.connections:
                self._rates.popitem(last=False)
        else:
            self._rates.move_to_end(origin)
        rate.begin(now)
