"""
The login throttle: makes those wait who try many passwords.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, NamedTuple

from pbrealm._server.connection_limits import network_of
from pbrealm._server.failure_counts import FailureCounts
from pbrealm._server.known_addresses import KnownAddresses
from pbrealm._server.limits import Limits

UNDECIDED_SECONDS: Final = 60.0
"""How long an attempt may make others wait until its checker has answered."""


class Attempt:
    """
    One login with a password, and what it is counted by.

    @ivar address: L{None} where it isn't known.
    @ivar keys: in the table of the throttle; that of the account comes first.
    """

    __slots__ = ("account", "address", "keys")

    def __init__(
        self, address: str | None, account: bytes | None, keys: tuple[Hashable, ...]
    ) -> None:
        self.address = address
        self.account = account
        self.keys = keys


class Block(NamedTuple):
    """Why an attempt has to wait."""

    key: Hashable
    """The one of its keys that it waits for."""

    until: float
    """When that lets another attempt begin, unless it does earlier."""


class LoginThrottle:
    """
    Bounded tables of failed logins, by address, network and account, and of those under way.

    An attempt under way counts as a failure until it is decided: as many as may fail without a
    delay may be under way at once, and after that one at a time, a delay apart.

    The throttle locks nobody out: the delay has a maximum, and at an address that an account has
    logged in from before, it is delayed by nothing but failures of its own there.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        # Apart, so that failures from many addresses displace no account's.
        self._of_accounts, self._of_origins = (
            FailureCounts(
                limits.throttle_entries,
                limits.throttle_after_failures,
                limits.throttle_memory_seconds,
            )
            for _ in range(2)
        )
        self._known = KnownAddresses(limits.throttle_entries)
        # When the attempts that aren't decided began, the oldest first.
        self._under_way: dict[Hashable, dict[Attempt, float]] = {}

    def __len__(self) -> int:
        return len(self._of_accounts) + len(self._of_origins)

    def limits_changed(self) -> None:
        """There are other limits now."""
        limits = self._limits
        for table in (self._of_accounts, self._of_origins):
            table.resize(
                limits.throttle_entries,
                limits.throttle_after_failures,
                limits.throttle_memory_seconds,
            )
        self._known.total = limits.throttle_entries

    def attempt(self, address: str | None, account: bytes | None) -> Attempt:
        """
        A login has come whose credentials are to be checked.

        @param address: L{None} where it isn't known.
        @param account: L{None} where it isn't known yet; the attempt is counted by its address.
        """
        keys: tuple[Hashable, ...]
        if account is None:
            keys = () if address is None else (address,)
        elif self._known.knows(address, account):
            keys = ((address, account),)
        elif address is None:
            keys = (account,)
        else:
            # Addresses are strings and accounts are bytes, so they can't be equal.
            keys = (account, address)
        return Attempt(address, account, keys)

    def failures(self, origin: str | None, now: float) -> int:
        """How many attempts in a row have failed at an address, or in a network."""
        return self._of_origins.get(origin, now).number

    def block(self, attempt: Attempt, now: float) -> Block | None:
        """
        What keeps an attempt from being checked.

        @return: L{None} if it may L{begin}.
        """
        if not self._limits.throttle_seconds or not self._limits.throttle_max_seconds:
            return None
        latest: Block | None = None
        for key in attempt.keys:
            until = self.free_at(key, now)
            if until > now and (latest is None or until > latest.until):
                latest = Block(key, until)
        return latest

    def free_at(self, key: Hashable, now: float) -> float:
        """When an attempt that is counted by a key may begin, as far as that key goes."""
        failures = self._table(key).get(key, now)
        beyond = failures.number - self._limits.throttle_after_failures
        under_way = self._under_way.get(key, {})
        while under_way and next(iter(under_way.values())) + UNDECIDED_SECONDS <= now:
            del under_way[next(iter(under_way))]
        # Where many have logged in, many may log in at once.
        if len(under_way) >= (self._known.accounts_at(key) - beyond if beyond < 0 else 1):
            return next(iter(under_way.values())) + UNDECIDED_SECONDS
        if beyond < 0:
            return now
        # With 2 ** 30 seconds, every maximum is reached.
        delay: float = self._limits.throttle_seconds * 2 ** min(beyond, 30)
        return failures.last + min(delay, self._limits.throttle_max_seconds)

    def begin(self, attempt: Attempt, now: float) -> None:
        """An attempt is about to be checked; L{release} follows."""
        for key in attempt.keys:
            self._under_way.setdefault(key, {})[attempt] = now

    def release(self, attempt: Attempt) -> None:
        """An attempt is decided, or given up; one that isn't under way is no error."""
        for key in attempt.keys:
            under_way = self._under_way.get(key)
            if under_way is not None:
                under_way.pop(attempt, None)
                if not under_way:
                    del self._under_way[key]

    def failed(self, attempt: Attempt, now: float) -> None:
        """The name or the password was wrong."""
        for key in attempt.keys:
            self._table(key).add(key, now)
        # That of a network delays nobody, but tells whose turn it is.
        if attempt.address in attempt.keys and (network := network_of(attempt.address)):
            self._of_origins.add(network, now)

    def _table(self, key: Hashable) -> FailureCounts:
        return self._of_origins if isinstance(key, str) else self._of_accounts

    def succeeded(self, attempt: Attempt) -> None:
        """An attempt has led to a login."""
        if attempt.account is None:
            return
        self._of_accounts.discard(attempt.account)
        self._of_accounts.discard((attempt.address, attempt.account))
        self._known.add(attempt.address, attempt.account)
