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

# Immutable collections.  Jelly makes one that is part of itself only when its items are complete.
_IMMUTABLE: Final = frozenset({b"tuple", b"set", b"frozenset"})

# The jelly whose object may be incomplete because an item of it is.
_MAY_BE_INCOMPLETE: Final = _IMMUTABLE | {b"reference", b"dereference"}

# An immutable collection that is incomplete may have this many items before its cost counts.
_CHEAP_ITEMS: Final = 256


def check_amplification(jelly: Sexp, limits: MessageLimits) -> None:
    """
    Count the items of jelly and the bytes of its strings, and those of a back reference each time
    that it occurs.

    @param limits: how many there may be.
    @raise MessageTooLarge: if there are more.
    @raise InsecureJelly: for a reference to an object that comes later.  Jelly never makes one,
        and it could be used to get around this check.
    """
    _Counter(limits).count(jelly)


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

    @ivar _sizes: the items and bytes of each reference by its number; L{None} while its jelly is
        being counted.
    """

    def __init__(self, limits: MessageLimits) -> None:
        self._limits = limits
        self._sizes: dict[Any, tuple[int, int] | None] = {}

    def count(self, jelly: Sexp) -> tuple[int, int, bool]:
        """
        Count the items and bytes of jelly.

        @return: both numbers, and whether the object is incomplete until an object around it is
            complete.
        """
        if type(jelly) is not list or not jelly:
            return 1, len(jelly) if type(jelly) is bytes else 0, False
        atom = jelly[0]
        number = None
        if (atom == b"reference" or atom == b"dereference") and len(jelly) > 1:
            # Jelly itself refuses a list.
            number = jelly[1] if type(jelly[1]) is not list else None
            if number is not None and not _is_reference_number(number):
                raise InsecureJelly("not the number of a reference")
        if atom == b"dictionary":
            # Its items are pairs, not jelly: a key may look like the atom of some jelly.
            parts = [part for pair in jelly if type(pair) is list for part in pair]
        else:
            parts = jelly[1:]
        items, size, incomplete = 1, 0, False
        if atom == b"reference" and number is not None:
            self._sizes.setdefault(number, None)
        elif atom == b"dereference" and number is not None:
            if number not in self._sizes:
                raise InsecureJelly("a reference to what comes later")
            shared = self._sizes[number]
            if shared is None:
                incomplete = True
            else:
                items += shared[0]
                size += shared[1]
        for part in parts:
            # Most are numbers and strings.
            if type(part) is not list:
                items += 1
                if type(part) is bytes:
                    size += len(part)
                continue
            part_items, part_size, part_incomplete = self.count(part)
            items += part_items
            size += part_size
            incomplete = incomplete or part_incomplete
        if incomplete and atom in _IMMUTABLE:
            # For such a collection twisted.persisted.crefutil removes the indexes of its items
            # one by one from the front of a list, in time quadratic in their number.
            items += len(jelly) * (len(jelly) // _CHEAP_ITEMS)
        limits = self._limits
        if items > limits.items or size > limits.message_bytes:
            raise MessageTooLarge(
                f"Security precaution: more than {limits.items} items or {limits.message_bytes} "
                "bytes in a message, counting those it refers to."
            )
        if atom == b"reference" and number is not None and self._sizes[number] is None:
            self._sizes[number] = items, size
        return items, size, incomplete and atom in _MAY_BE_INCOMPLETE
