"""
The messages that wait to be sent to one client, and which of them are dropped.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Final

from pbrealm._delivery.backlog import Backlog, SlowClientPolicy

MESSAGE_BYTES: Final = 700
"""What a message that waits counts for besides its bytes, as it takes as much memory."""

_MAX_APPENDED: Final = 16 * 1024
"""Bytes of several messages that are kept as one."""


@dataclass(eq=False)
class Message:
    """
    A message that waits, or the rest of one, or several that can't be dropped.

    @ivar kind: is equal for notifications that may replace each other; L{None} for a message that
        can't be dropped.
    @ivar dropped: called if the message is dropped.
    @ivar begun: whether a part has been sent, so that the rest has to follow.
    """

    __slots__ = ("begun", "data", "dropped", "kind")

    data: bytes | bytearray
    kind: Hashable
    dropped: Callable[[], object] | None
    begun: bool


class WaitingMessages:
    """
    Messages in the order in which they are to be sent, with what they take counted.
    """

    __slots__ = (
        "_backlog",
        "_by_kind",
        "_droppable",
        "_messages",
        "_notification_bytes",
        "_number",
        "_other_bytes",
    )

    def __init__(self, backlog: Backlog) -> None:
        self._backlog = backlog
        # By numbers, in order.
        self._messages: OrderedDict[int, Message] = OrderedDict()
        self._number = 0
        # The numbers of those that can be dropped, in order, or by kind: what the policy needs.
        self._droppable: OrderedDict[int, None] = OrderedDict()
        self._by_kind: dict[Hashable, int] = {}
        self._notification_bytes = 0
        self._other_bytes = 0

    def __len__(self) -> int:
        return len(self._messages)

    def __iter__(self) -> Iterator[Message]:
        return iter(self._messages.values())

    @property
    def size(self) -> int:
        """The bytes of all."""
        return self._counted - MESSAGE_BYTES * len(self._messages)

    @property
    def _counted(self) -> int:
        return self._notification_bytes + self._other_bytes

    @property
    def are_few_notifications(self) -> bool:
        """Whether the notifications are within the soft bound."""
        return self._notification_bytes <= self._backlog.soft_bytes

    @property
    def may_not_wait_long(self) -> bool:
        """Whether more waits than may for C{soft_seconds}."""
        return self._other_bytes > self._backlog.hard_bytes or (
            not self.are_few_notifications and self._backlog.when_slow is SlowClientPolicy.END
        )

    def is_over(self, more: int = 0) -> bool:
        """
        Whether more waits than may.

        The message that is sent next doesn't count, since it may be of any size.

        @param more: bytes of a further notification.
        """
        allowed = self._backlog.hard_bytes - (more and more + MESSAGE_BYTES)
        if self._notification_bytes > allowed:
            return True
        if self._counted <= allowed or not self._messages:
            return False
        return self._counted - _counted(next(iter(self)).data) > allowed

    def add(self, message: Message) -> None:
        """Send this one last."""
        if message.kind is None and self._append(message.data):
            return
        self._number += 1
        self._messages[self._number] = message
        if message.kind is not None:
            match self._backlog.when_slow:
                case SlowClientPolicy.DROP_OLDEST | SlowClientPolicy.DROP_NEWEST:
                    self._droppable[self._number] = None
                case SlowClientPolicy.KEEP_LAST:
                    self._by_kind[message.kind] = self._number
        self._count(message, _counted(message.data))

    def _append(self, data: bytes | bytearray) -> bool:
        """
        Have what can't be dropped follow in the same message as what was added before: a client
        may have very many references dropped at once.

        @return: whether that is possible.
        """
        # What is sent next isn't counted, so it mustn't grow.
        if len(self._messages) < 2:
            return False
        last = next(reversed(self._messages.values()))
        if last.kind is not None or len(last.data) + len(data) > _MAX_APPENDED:
            return False
        if type(last.data) is bytes:
            last.data = bytearray(last.data)
        last.data += data
        self._other_bytes += len(data)
        return True

    def take_first(self) -> tuple[int, bytes]:
        """
        Take out what is sent next.

        @return: its number, and the message.
        """
        number, message = self._messages.popitem(last=False)
        self._forget(number, message)
        return number, bytes(message.data)

    def put_back(self, number: int, rest: bytes) -> None:
        """
        Send the rest of a message that was taken out next.

        @param number: that it had.
        """
        message = Message(rest, None, None, begun=True)
        self._messages[number] = message
        self._messages.move_to_end(number, last=False)
        self._count(message, _counted(rest))

    def replace(self, message: Message) -> None:
        """Send this one last, and drop that of its kind, if one waits and that is the policy."""
        number = self._by_kind.get(message.kind)
        earlier = None if number is None else self._take(number)
        self.add(message)
        # What is called may send more.
        if earlier is not None and earlier.dropped is not None:
            earlier.dropped()

    def make_room(self, keep: int = 0) -> None:
        """
        Drop notifications, where that is the policy, until the rest is within the bound.

        @param keep: how many to keep, the newest.
        """
        oldest_first = self._backlog.when_slow is SlowClientPolicy.DROP_OLDEST
        while len(self._droppable) > keep and self.is_over():
            numbers = self._droppable if oldest_first else reversed(self._droppable)
            self._drop(next(iter(numbers)))

    def _drop(self, number: int) -> None:
        message = self._take(number)
        if message.dropped is not None:
            message.dropped()

    def _take(self, number: int) -> Message:
        message = self._messages.pop(number)
        self._forget(number, message)
        return message

    def _forget(self, number: int, message: Message) -> None:
        self._count(message, -_counted(message.data))
        if message.kind is not None:
            self._droppable.pop(number, None)
            self._by_kind.pop(message.kind, None)

    def _count(self, message: Message, size: int) -> None:
        if message.kind is None:
            self._other_bytes += size
        else:
            self._notification_bytes += size


def _counted(data: bytes | bytearray) -> int:
    return len(data) + MESSAGE_BYTES
