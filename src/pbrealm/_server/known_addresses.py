"""
The addresses that accounts have logged in from.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Hashable
from typing import Final

MAX_ADDRESSES: Final = 16
"""How many addresses of an account are remembered; those that it has used last."""


class KnownAddresses:
    """
    A bounded table of addresses by account.

    It is bounded for each account, too: one account that logs in from many addresses displaces
    none of another account.

    @ivar total: how many addresses are remembered for all accounts together, from the next one on.
    """

    def __init__(self, total: int) -> None:
        """
        @param total: how many addresses are remembered for all accounts together.
        """
        self.total = total
        self._size = 0
        # The longest unused first, accounts and addresses.
        self._addresses: OrderedDict[bytes, OrderedDict[str | None, None]] = OrderedDict()
        self._accounts: Counter[Hashable] = Counter()

    def __len__(self) -> int:
        return self._size

    def knows(self, address: str | None, account: bytes) -> bool:
        """Whether the account has logged in from the address."""
        return address in self._addresses.get(account, ())

    def accounts_at(self, address: Hashable) -> int:
        """How many accounts have logged in from an address; 0 for what isn't one."""
        return self._accounts[address]

    def add(self, address: str | None, account: bytes) -> None:
        """The account has logged in from the address."""
        addresses = self._addresses.setdefault(account, OrderedDict())
        self._addresses.move_to_end(account)
        if address not in addresses:
            self._size += 1
            self._accounts[address] += 1
        addresses[address] = None
        addresses.move_to_end(address)
        if len(addresses) > MAX_ADDRESSES:
            self._forget_one_of(account)
        while self._size > self.total:
            self._forget_one_of(next(iter(self._addresses)))

    def _forget_one_of(self, account: bytes) -> None:
        addresses = self._addresses[account]
        address, _ = addresses.popitem(last=False)
        if not addresses:
            del self._addresses[account]
        self._size -= 1
        self._accounts[address] -= 1
        if not self._accounts[address]:
            del self._accounts[address]
