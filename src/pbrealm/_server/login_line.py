"""
The attempts to log in that wait for the same account or address, and which of them is next.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from random import Random
from typing import Final, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from pbrealm._server.connection_limits import network_of
from pbrealm._server.login_throttle import Attempt

_MAX_HALVINGS: Final = 5
"""More wrong passwords than these don't lower a chance further."""

_Item = TypeVar("_Item", bound=Hashable)

_Failures = Callable[[str | None], int]


class WaitingAttempt:
    """
    An attempt that waits.

    @ivar network: that of its address.
    @ivar key: the key of the throttle that it waits for.
    @ivar begun: fires when it has begun.
    """

    __slots__ = ("attempt", "begun", "key", "network")

    def __init__(self, attempt: Attempt, begun: Deferred[Attempt]) -> None:
        self.attempt = attempt
        self.network = network_of(attempt.address)
        self.begun = begun
        self.key: Hashable = None


class _Pool(Generic[_Item]):
    """A set to draw from at random; nothing takes longer the larger the set is."""

    __slots__ = ("_items", "_places")

    def __init__(self) -> None:
        self._items: list[_Item] = []
        self._places: dict[_Item, int] = {}

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: _Item) -> None:
        if item not in self._places:
            self._places[item] = len(self._items)
            self._items.append(item)

    def remove(self, item: _Item) -> None:
        # The last one takes its place.
        place, last = self._places.pop(item), self._items.pop()
        if last != item:
            self._items[place] = last
            self._places[last] = place

    def draw(self, random: Random) -> _Item:
        items = self._items
        return items[0] if len(items) == 1 else random.choice(items)

    def draw_by_failures(self, random: Random, failures: Callable[[_Item], int]) -> _Item:
        """Draw one; each failure halves its chance."""
        while True:
            item = self.draw(random)
            halvings = min(failures(item), _MAX_HALVINGS)
            if len(self._items) == 1 or random.random() < 0.5**halvings:
                return item


class LoginLine:
    """
    The attempts that wait for one key of the throttle.

    Which is the next is drawn: first a network of those that attempts wait from, then an address
    in it, then an attempt from there.  Each wrong password from a network, and from an address,
    halves its chance, down to 1/32.  So neither coming first, nor often, nor from many addresses
    of one network helps: as long as attempts from n other networks wait, one from a network
    without wrong passwords is the next with a probability of at least 1 / (n + 1), and one from
    any other network is never without a chance.

    @ivar timer: runs until the key is free.
    """

    __slots__ = ("_addresses", "_attempts", "_networks", "timer")

    def __init__(self) -> None:
        self._networks: _Pool[str | None] = _Pool()
        self._addresses: dict[str | None, _Pool[str | None]] = {}
        self._attempts: dict[str | None, _Pool[WaitingAttempt]] = {}
        self.timer: IDelayedCall | None = None

    def __len__(self) -> int:
        """How many networks attempts wait from."""
        return len(self._networks)

    def add(self, waiting: WaitingAttempt) -> None:
        """An attempt waits from now on."""
        network, address = waiting.network, waiting.attempt.address
        self._networks.add(network)
        self._addresses.setdefault(network, _Pool()).add(address)
        self._attempts.setdefault(address, _Pool()).add(waiting)

    def remove(self, waiting: WaitingAttempt) -> None:
        """An attempt that is in it doesn't wait any more."""
        network, address = waiting.network, waiting.attempt.address
        attempts = self._attempts[address]
        attempts.remove(waiting)
        if attempts:
            return
        del self._attempts[address]
        addresses = self._addresses[network]
        addresses.remove(address)
        if not addresses:
            del self._addresses[network]
            self._networks.remove(network)

    def draw(self, random: Random, failures: _Failures) -> WaitingAttempt:
        """
        The attempt that is next.

        @param failures: how many attempts have failed in a network, or at an address.
        """
        network = self._networks.draw_by_failures(random, failures)
        address = self._addresses[network].draw_by_failures(random, failures)
        return self._attempts[address].draw(random)
