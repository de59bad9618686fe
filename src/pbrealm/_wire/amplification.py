"""
Protection against messages that are small, but whose objects are expensive to use.

Jelly can refer back to an object instead of repeating it.  A few bytes can thereby nest references
to references: the objects stay few, but comparing, hashing or printing them visits every
repetition, and a hundred bytes more double the time that this takes.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.spread.jelly import InsecureJelly

from pbrealm._wire.decode import MAX_REFERENCE
from pbrealm._wire.message_limits import MessageLimits, MessageTooLarge
from pbrealm._wire.sexp import Sexp

# How many items may be repeated in keys, all of which are visited to hash them: at least so many,
# and more if the jelly is long.
_MIN_HASHED_ITEMS: Final = 16 * 1024
_HASHED_ITEMS_PER_ITEM: Final = 16


def check_amplification(jelly: Sexp, limits: MessageLimits) -> None:
    """
    Count the items of jelly and the bytes of its strings, and those of a back reference each time
    that it occurs.

    @param limits: how many there may be.
    @raise MessageTooLarge: if there are more; or if the keys of dictionaries and the items of
        sets, all of which are visited to hash them, repeat many more than there are without
        back references.
    @raise InsecureJelly: for a reference to an object that comes later.  Jelly never makes one,
        and it could be used to get around this check.
    """
    if not _refers_back(jelly):
        # It is as large as the message, which is within the limits.
        return
    counter = _Counter(limits)
    items, _ = counter.count(jelly)
    sent = items - counter.repeated
    if counter.hashed > _MIN_HASHED_ITEMS + _HASHED_ITEMS_PER_ITEM * sent:
        raise MessageTooLarge(
            "Security precaution: keys that amount to many more items than the message has."
        )


def _refers_back(jelly: Sexp) -> bool:
    """Whether jelly may have a back reference, or something that can be referred back to."""
    waiting = [jelly] if type(jelly) is list else []
    while waiting:
        part = waiting.pop()
        if part and (part[0] == b"reference" or part[0] == b"dereference"):
            return True
        for each in part:
            if type(each) is list:
                waiting.append(each)
    return False


def _is_reference_number(number: object) -> bool:
    """
    Whether jelly may have this for the number of a reference.

    Other types don't occur, and the hashes of numbers without a limit can collide.
    """
    return type(number) is bytes or (
        type(number) is int and -MAX_REFERENCE < number < MAX_REFERENCE
    )


class _Counter:
    """
    Counts items, and the bytes of strings.

    @ivar repeated: how many of the items are repetitions, by back references.
    @ivar hashed: how many of these are in keys.
    @ivar _sizes: the items and bytes of each reference by its number; L{None} while its jelly is
        being counted.
    """

    def __init__(self, limits: MessageLimits) -> None:
        self.repeated = 0
        self.hashed = 0
        self._limits = limits
        self._sizes: dict[Any, tuple[int, int] | None] = {}

    def count(self, jelly: Sexp) -> tuple[int, int]:
        """
        Count the items and bytes of jelly.
        """
        if type(jelly) is not list or not jelly:
            return 1, len(jelly) if type(jelly) is bytes else 0
        before = self.repeated
        atom = jelly[0]
        number = None
        items, size = 1, 0
        if (atom == b"reference" or atom == b"dereference") and len(jelly) > 1:
            # Jelly itself refuses a list.
            number = jelly[1] if type(jelly[1]) is not list else None
            if number is not None and not _is_reference_number(number):
                raise InsecureJelly("not the number of a reference")
        if atom == b"reference" and number is not None:
            self._sizes.setdefault(number, None)
        elif atom == b"dereference" and number is not None:
            if number not in self._sizes:
                raise InsecureJelly("a reference to what comes later")
            items, size = self._sizes[number] or (0, 0)
            self.repeated += items
            items += 1
        if atom == b"dictionary":
            # Its items are pairs, not jelly: a key may look like the atom of some jelly.
            for pair in jelly:
                if type(pair) is list:
                    before = self.repeated
                    pair_items, pair_size = self._count_parts(pair[:1])
                    self.hashed += self.repeated - before
                    items += pair_items
                    size += pair_size
                    pair_items, pair_size = self._count_parts(pair[1:])
                    items += pair_items
                    size += pair_size
        else:
            part_items, part_size = self._count_parts(jelly[1:])
            items += part_items
            size += part_size
            if atom == b"set" or atom == b"frozenset":
                self.hashed += self.repeated - before
        limits = self._limits
        if items > limits.items or size > limits.message_bytes:
            raise MessageTooLarge(
                f"Security precaution: more than {limits.items} items or {limits.message_bytes} "
                "bytes in a message, counting those it refers to."
            )
        if atom == b"reference" and number is not None and self._sizes[number] is None:
            self._sizes[number] = items, size
        return items, size

    def _count_parts(self, parts: list[Any]) -> tuple[int, int]:
        items, size = 0, 0
        for part in parts:
            # Most are numbers and strings.
            if type(part) is list:
                part_items, part_size = self.count(part)
                items += part_items
                size += part_size
            else:
                items += 1
                if type(part) is bytes:
                    size += len(part)
        return items, size
