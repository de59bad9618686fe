"""
Keys that are chosen to be slow to add to a dictionary or a set.
"""

from __future__ import annotations

import random
import sys

MODULUS = sys.hash_info.modulus

_BITS = 61
_SHIFT = 5


def colliding(count: int) -> list[int]:
    """Numbers with one hash."""
    return [number * MODULUS for number in range(1, count + 1)]


def same_places(size: int, share: float = 0.65) -> list[int]:
    """
    Numbers with different hashes that fill a dictionary's table of C{size} places.

    Half of the table is filled by small numbers.  All places at which the others are tried first
    are in that half, and then they are tried at the same ones, one after the other.

    @param share: how much of the table is to be filled; a dictionary grows beyond two thirds.
    """
    chance = random.Random(1)
    half = size // 2
    bits = size.bit_length() - 1
    wanted = int(size * share) - half
    # The places that come one after the other once all bits of a number are used up.
    place = 0
    late = set()
    for _ in range(size // 16):
        late.add(place)
        place = (5 * place + 1) % size
    found: set[int] = set()
    while len(found) < wanted:
        start = chance.randrange(half)
        # The number so far, how many of its bits are chosen, and the place and step with these.
        open_ends = [(start, bits, start, 0)]
        while open_ends:
            number, chosen, place, step = open_ends.pop()
            if chosen >= _BITS:
                while number >> _SHIFT * (step + 1):
                    if place >= half:
                        break
                    step += 1
                    place = (5 * place + (number >> _SHIFT * step) + 1) % size
                else:
                    if place in late:
                        found.add(number)
                continue
            more = min(_SHIFT, _BITS - chosen)
            # Some of the possible ends, so that not all numbers begin alike; all of the last bits.
            ends = range(1 << more)
            for end in ends if chosen > 50 else chance.sample(ends, 3):
                longer = number | end << chosen
                after = (5 * place + (longer >> _SHIFT * (step + 1)) + 1) % size
                if after < half:
                    open_ends.append((longer, chosen + more, after, step + 1))
    return [*range(half), *sorted(found)[:wanted]]
