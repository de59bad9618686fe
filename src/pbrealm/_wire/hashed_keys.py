"""
Protection against keys that are chosen to have the same hash.

The hash of a number is the number modulo L{sys.hash_info.modulus}, so a peer can choose any number
of different ones with the same hash, and tuples or frozensets made of them.  Adding such keys to
a dictionary or a set takes time that grows with the square of their number.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Final

MAX_EQUAL_HASHES: Final = 64
"""
Keys of one container that may have the same hash.  The powers of 2 that a float can be have 61
different hashes, so each is shared by up to 35 of them.
"""

DISTINCT_HASHES: Final = sys.hash_info.modulus
"""
No two integers between this and its negative have the same hash, but for -1 and -2.
"""


class KeyHashes:
    """
    Counts the keys of one container by their hashes.
    """

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def add(self, key: object) -> bool:
        """
        Count a key, before it is added to the container.

        @return: false if too many keys had the same hash already.
        """
        kind = type(key)
        # The hashes of these are seeded at random by the interpreter.
        if kind is str or kind is bytes:
            return True
        if kind is int and -DISTINCT_HASHES < key < DISTINCT_HASHES:  # type: ignore[operator]
            return True
        counts = self._counts
        number = hash(key)
        count = counts.get(number, 0)
        counts[number] = count + 1
        return count < MAX_EQUAL_HASHES


def have_different_hashes(keys: Collection[object]) -> bool:
    """
    Whether no more than L{MAX_EQUAL_HASHES} of the keys have the same hash.
    """
    return len(keys) <= MAX_EQUAL_HASHES or all(map(KeyHashes().add, keys))
