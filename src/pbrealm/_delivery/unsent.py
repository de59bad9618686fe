"""
What has yet to be sent to each connection, in the order in which it is to get it.

A broadcast to very many clients is sent in slices, and what tells of unsaved changes waits until
they are saved.  Other notifications and broadcasts to the same connection must not overtake it
meanwhile.  Answers to calls of the clients may.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from typing import Final, Protocol

from twisted.logger import Logger
from twisted.spread import pb

from pbrealm._broker_slot import BrokerSlot
from pbrealm._unsaved import UNSAVED, Account

_log = Logger()


class Sender(Protocol):
    """What isn't sent to all of its targets yet."""

    @property
    def waits(self) -> bool:
        """Whether it can't be sent yet."""

    def send_to(self, at: int) -> None:
        """Send to the target with this index."""


_Drop = Callable[[int], object]


class _Unsent(OrderedDict[int, tuple[Sender, int, int, _Drop | None]]):
    """
    What has yet to be sent to one connection, by numbers in order: the sender, the index of the
    target, what of its size counts for the connection, and what to call if it is dropped.

    @ivar sending: whether some of it is being sent just now.
    @ivar size: what counts for the connection of all.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sending = False
        self.size = 0
        self._number = 0
        # The numbers of what may be dropped, in order.
        self._droppable: deque[int] = deque()

    def add(self, sender: Sender, at: int, size: int = 0, drop: _Drop | None = None) -> None:
        """Have something sent last."""
        self._number += 1
        self[self._number] = sender, at, size, drop
        if drop is not None:
            self._droppable.append(self._number)

    @property
    def first(self) -> Sender:
        """Whose turn it is."""
        return next(iter(self.values()))[0]

    @property
    def last(self) -> Sender:
        """Who sends last."""
        return next(reversed(self.values()))[0]

    def take_first(self) -> tuple[Sender, int, int]:
        """Take out what is sent next: the sender, the index of the target, and what counts."""
        number, (sender, at, size, _) = self.popitem(last=False)
        self.size -= size
        if self._droppable and self._droppable[0] == number:
            self._droppable.popleft()
        return sender, at, size

    def drop_oldest(self, account: Account) -> bool:
        """
        Drop what has waited longest of what counts.

        @return: whether there was anything that may be dropped.
        """
        if not self._droppable:
            return False
        _, at, size, drop = self.pop(self._droppable.popleft())
        self.size -= size
        account.release(size)
        if drop is not None:
            drop(at)
        return True


_UNSENT: Final = BrokerSlot[_Unsent]("unsent")

UNSENT_ATTRIBUTE: Final = _UNSENT.name
"""The attribute of brokers that L{send_unsent} has something to send for."""


def add_unsent(
    broker: pb.Broker, sender: Sender, at: int, size: int = 0, drop: _Drop | None = None
) -> bool:
    """
    Something has yet to be sent to its target C{at}, which is on this connection.

    @param size: of what no call counts.  It counts for this connection, if it is kept back by
        something that waits.
    @param drop: called with C{at} if it is dropped later; L{None} if it may not be.
    @return: whether there is room for it.  Otherwise it is never sent.
    """
    unsent = _UNSENT.get(broker)
    if unsent is None:
        unsent = _Unsent()
        _UNSENT.set(broker, unsent)
    if size and unsent and unsent.first.waits and isinstance(broker, Account):
        while broker.drops_oldest(unsent.size + size) and unsent.drop_oldest(broker):
            pass
        if not broker.may_wait(unsent.size + size, droppable=drop is not None):
            return False
        unsent.size += size
        broker.hold(size)
        unsent.add(sender, at, size, drop)
    else:
        unsent.add(sender, at)
    return True


def send_unsent(broker: pb.Broker) -> bool:
    """
    Send to this connection what has yet to be sent, in order, up to what waits.

    @return: whether that was all.
    """
    unsent = _UNSENT.get(broker)
    if unsent is None:
        return True
    sending, unsent.sending = unsent.sending, True
    token = UNSAVED.set(None)
    try:
        # One at a time: what is sent may end a session, whose goodbye then comes after the rest.
        while unsent and not unsent.first.waits:
            sender, at, size = unsent.take_first()
            if size and isinstance(broker, Account):
                broker.release(size)
            try:
                sender.send_to(at)
            except BaseException:
                # Whoever sends next to this connection has nothing to do with it.
                _log.failure("what has waited can't be sent")
    finally:
        UNSAVED.reset(token)
        unsent.sending = sending
    if unsent:
        return False
    if _UNSENT.get(broker) is unsent:
        _UNSENT.clear(broker)
    return True


def is_sending(broker: pb.Broker) -> bool:
    """Whether what had yet to be sent to this connection is being sent just now."""
    unsent = _UNSENT.get(broker)
    return unsent is not None and unsent.sending


def drop_after_unsent(
    broker: pb.Broker, drop: Callable[[int, int], object], reference: int
) -> bool:
    """
    Drop a reference to an object of this connection's client after all that has yet to be sent,
    which may be calls by it.

    @param drop: is passed the reference's id, and how many times it is dropped.
    @return: whether it waits; if nothing has yet to be sent, nothing is done.
    """
    unsent = _UNSENT.get(broker)
    if unsent is None:
        return False
    last = unsent.last if unsent else None
    if not isinstance(last, _Dropped):
        last = _Dropped(drop)
        unsent.add(last, 0)
    last.count[reference] += 1
    return True


class _Dropped:
    """
    References that are dropped between two things that are sent.

    @ivar count: how many times each is dropped, by their ids.
    """

    waits: Final = False

    def __init__(self, drop: Callable[[int, int], object]) -> None:
        self._drop = drop
        self.count: Counter[int] = Counter()

    def send_to(self, at: int) -> None:
        """Send to the only target."""
        while self.count:
            self._drop(*self.count.popitem())
