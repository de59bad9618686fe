"""
Who has failed to log in, how often, and how long the next attempt has to wait for it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from pbrealm._server.limits import Limits


class LoginThrottle:
    """
    A table of wrong passwords, by address and by account; it doesn't grow beyond its bounds.

    It slows down, and locks nobody out: the longest wait is a few seconds, and none for an
    account from an address that it has logged in from before.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._failed: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()
        self._succeeded: OrderedDict[Hashable, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._failed)

    def delay(self, address: str | None, account: bytes, now: float) -> float:
        """Seconds that an attempt has to wait."""
        if (address, account) in self._succeeded:
            return 0.0
        count = max(self._count(key, now) for key in _keys(address, account))
        beyond = count - self._limits.throttle_after
        if beyond < 0:
            return 0.0
        # 2 ** 30 seconds are more than anybody's longest delay.
        delay = self._limits.throttle_seconds * 2 ** min(beyond, 30)
        return float(min(delay, self._limits.throttle_max_seconds))

    def failed(self, address: str | None, account: bytes, now: float) -> None:
        """An attempt has failed."""
        for key in _keys(address, account):
            self._failed[key] = (self._count(key, now) + 1, now)
            self._failed.move_to_end(key)
            if len(self._failed) > self._limits.throttle_entries:
                self._failed.popitem(last=False)
        # Whoever shares an address with a user is on that user's good name no longer than this.
        if self._count(account, now) >= self._limits.throttle_after:
            self._succeeded.pop((address, account), None)

    def succeeded(self, address: str | None, account: bytes) -> None:
        """An attempt has succeeded."""
        self._failed.pop(account, None)
        self._succeeded[address, account] = None
        self._succeeded.move_to_end((address, account))
        if len(self._succeeded) > self._limits.throttle_entries:
            self._succeeded.popitem(last=False)

    def _count(self, key: Hashable, now: float) -> int:
        count, last = self._failed.get(key, (0, now))
        return count if now - last < self._limits.throttle_memory_seconds else 0


def _keys(address: str | None, account: bytes) -> tuple[Hashable, ...]:
    # An address is a string and an account is bytes, so neither is taken for the other.
    return (account,) if address is None else (account, address)
