"""
The login throttle: makes those wait who try many passwords.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from pbrealm._server.limits import Limits


class LoginThrottle:
    """
    A bounded table of failed logins, by address and by account.

    The throttle delays logins, and locks nobody out: the delay has a maximum, and an account isn't
    delayed at an address that it has logged in from before.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        # How many failures in a row, and when the last one was; the longest unused first.
        self._failures: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()
        # The addresses and accounts of successful logins; the longest unused first.
        self._successes: OrderedDict[Hashable, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._failures)

    def delay(self, address: str | None, account: bytes, now: float) -> float:
        """
        How long an attempt has to wait.

        @param address: L{None} where it isn't known.
        @return: seconds.
        """
        if (address, account) in self._successes:
            return 0.0
        count = max(self._count(key, now) for key in _keys(address, account))
        beyond = count - self._limits.throttle_after_failures
        if beyond < 0:
            return 0.0
        # With 2 ** 30 seconds, every maximum is reached.
        delay = self._limits.throttle_seconds * 2 ** min(beyond, 30)
        return float(min(delay, self._limits.throttle_max_seconds))

    def failed(self, address: str | None, account: bytes, now: float) -> None:
        """An attempt has failed."""
        for key in _keys(address, account):
            self._failures[key] = (self._count(key, now) + 1, now)
            self._failures.move_to_end(key)
            if len(self._failures) > self._limits.throttle_entries:
                self._failures.popitem(last=False)
        # Somebody else at the user's address may guess no more often than this without delay.
        if self._count(account, now) >= self._limits.throttle_after_failures:
            self._successes.pop((address, account), None)

    def succeeded(self, address: str | None, account: bytes) -> None:
        """An attempt has succeeded."""
        self._failures.pop(account, None)
        self._successes[address, account] = None
        self._successes.move_to_end((address, account))
        if len(self._successes) > self._limits.throttle_entries:
            self._successes.popitem(last=False)

    def _count(self, key: Hashable, now: float) -> int:
        count, last = self._failures.get(key, (0, now))
        return count if now - last < self._limits.throttle_memory_seconds else 0


def _keys(address: str | None, account: bytes) -> tuple[Hashable, ...]:
    # Addresses are strings and accounts are bytes, so they can't be equal.
    return (account,) if address is None else (account, address)
