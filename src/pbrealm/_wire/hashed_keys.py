"""
Protection against keys that are chosen to be slow to add to a dictionary or a set.

The interpreter seeds the hashes of strings at random, but no others: a peer can choose numbers,
and tuples or frozensets made of them, by their hashes.  There are two ways to make the time grow
with the square of the number of keys:

 - Keys with the same hash.  That of a number is the number modulo L{sys.hash_info.modulus}.
 - Keys with different hashes that are tried at the same places of the table, in the same order.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import islice
from typing import Any, Final

from pbrealm._wire.message_limits import MessageTooLarge

MAX_EQUAL_HASHES: Final = 64
"""
Keys of one container that may have the same hash.  The powers of 2 that a float can be have 61
different hashes, so each is shared by up to 35 of them.
"""

FEW_KEYS: Final = 16 * 1024
"""
So many keys are added in little time for their bytes, whichever places they are tried at.
"""

_DISTINCT_HASHES: Final = sys.hash_info.modulus
"""
No two integers between this and its negative have the same hash, but for -1 and -2.
"""

_MAX_PLACES: Final = 32
"""
Places of a table that are tried for a key on average.  For keys that aren't chosen it is one or
two; for multiples of a large power of 2, up to 25.
"""

_SEEDED: Final = frozenset({str, bytes})
"""The types whose hashes are seeded."""

_HASHED_BY_VALUE: Final = _SEEDED | {int}

# The tables are those of CPython.
_PERTURB_SHIFT: Final = 5
_SET_RUN: Final = 10
_FIRST_SIZE: Final = 2 * FEW_KEYS
_UNSIGNED: Final = 2**64 - 1


class KeyHashes:
    """
    Counts the keys of one container by their hashes, for keys that come one by one.
    """

    __slots__ = ("_counts", "_total")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._total = 0

    def add(self, key: object) -> None:
        """
        Count a key, before it is added to the container.

        @raise MessageTooLarge: if too many keys had the same hash already, or there are too many.
        """
        number = hash(key)
        count = self._counts.get(number, 0)
        self._counts[number] = count + 1
        self._total += 1
        if count >= MAX_EQUAL_HASHES or self._total > FEW_KEYS:
            raise _slow_keys()


def check_dictionary(keys: Collection[Any]) -> None:
    """
    Check that a dictionary with these keys takes no longer to make than their number calls for.

    @raise MessageTooLarge: if it does.
    """
    if len(keys) > MAX_EQUAL_HASHES and not _are_cheap(keys, _fit_in_dictionary):
        raise _slow_keys()


def check_set(items: Collection[Any]) -> None:
    """
    The same for the items of a set or a frozenset.
    """
    if len(items) > MAX_EQUAL_HASHES and not _are_cheap(items, _fit_in_set):
        raise _slow_keys()


def _slow_keys() -> MessageTooLarge:
    return MessageTooLarge(
        "Security precaution: keys that are slow to add to a dictionary or a set, such as more "
        f"than {MAX_EQUAL_HASHES} with the same hash."
    )


def _are_cheap(keys: Collection[Any], fit: Callable[[Sequence[int]], bool]) -> bool:
    kinds = set(map(type, keys))
    if kinds <= _SEEDED:
        return True
    if len(keys) <= FEW_KEYS and kinds <= _HASHED_BY_VALUE:
        numbers = keys if len(kinds) == 1 else [key for key in keys if type(key) is int]
        if min(numbers) > -_DISTINCT_HASHES and max(numbers) < _DISTINCT_HASHES:
            return True
    hashes = list(map(hash, keys))
    if len(keys) > FEW_KEYS and not fit(hashes):
        return False
    # Sorted instead of counted: a dictionary of the hashes would be as slow as that of the keys.
    hashes.sort()
    return not any(map(operator.eq, hashes, islice(hashes, MAX_EQUAL_HASHES, None)))


def _fit_in_dictionary(hashes: Sequence[int]) -> bool:
    """Try all sizes of table that a dictionary has while it grows."""
    size = _FIRST_SIZE
    while True:
        room = size * 2 // 3
        if not _fit(islice(hashes, room), size, 1):
            return False
        if len(hashes) <= room:
            return True
        size *= 2


def _fit_in_set(hashes: Sequence[int]) -> bool:
    """The same for a set."""
    size = _FIRST_SIZE
    while True:
        room = size * 3 // 5
        if not _fit(islice(hashes, room), size, _SET_RUN):
            return False
        if len(hashes) <= room:
            return True
        size *= 2


def _fit(hashes: Iterable[int], size: int, run: int) -> bool:
    """
    Count the places that are tried while hashes are added to an empty table.

    @param size: places of the table, a power of 2.
    @param run: places next to each other that are tried before the search goes on elsewhere.
    @return: false if there are too many.
    """
    mask = size - 1
    last_run = size - run
    taken = bytearray(size)
    find_free = taken.find
    left = _MAX_PLACES * size
    for number in hashes:
        place = number & mask
        if taken[place]:
            perturb = number & _UNSIGNED
            while True:
                if run > 1 and place <= last_run:
                    free = find_free(0, place, place + run)
                    if free >= 0:
                        place = free
                        break
                elif not taken[place]:
                    break
                perturb >>= _PERTURB_SHIFT
                place = (place * 5 + perturb + 1) & mask
                left -= 1
            if left < 0:
                return False
        taken[place] = 1
    return True
