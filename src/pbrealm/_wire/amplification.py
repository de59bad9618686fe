"""
What a message comes to once all that it refers back to is written out.

A few bytes can refer to the same thing again and again, and that to another: the objects stay
few, but whoever compares, hashes or prints them goes through every repetition, and a hundred
bytes more double the time that it takes.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.spread.jelly import InsecureJelly

from pbrealm._wire.message_limits import MessageTooLarge

_COLLECTIONS: Final = frozenset({b"tuple", b"set", b"frozenset"})

_LATE: Final = _COLLECTIONS | {b"reference", b"dereference"}

_FREE: Final = 256
"""Items that a collection may have for nothing, if it's a part of itself."""


def check_amplification(jelly: Any, most: int) -> None:
    """
    @param most: how many items a message may come to.
    @raise MessageTooLarge: if it comes to more.
    @raise InsecureJelly: for a reference to what comes later, which nothing sends that is made
        of objects, and which could be used to get around this.
    """
    _Sizes(most).of(jelly)


class _Sizes:
    """The sizes of what a message refers to, by number; L{None} while that isn't over yet."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._sizes: dict[Any, int | None] = {}

    def of(self, jelly: Any) -> tuple[int, bool]:
        """The size, and whether it's made only once something around it is."""
        if type(jelly) is not list or not jelly:
            return 1, False
        atom = jelly[0]
        # Whatever else a number may be here, jelly refuses.
        number = jelly[1] if len(jelly) > 1 and type(jelly[1]) in (int, float, bytes) else None
        if atom == b"dictionary":
            # Of pairs, whose keys may be what would be an atom elsewhere.
            parts = [part for pair in jelly if type(pair) is list for part in pair]
        else:
            parts = jelly[1:]
        size, late = 1, False
        if atom == b"reference" and number is not None:
            self._sizes.setdefault(number, None)
        elif atom == b"dereference" and number is not None:
            if number not in self._sizes:
                raise InsecureJelly("a reference to what comes later")
            shared = self._sizes[number]
            size, late = size + (shared or 0), shared is None
        for part in parts:
            more, is_late = self.of(part)
            size += more
            late = late or is_late
        if late and atom in _COLLECTIONS:
            # Twisted strikes off its items one by one, from a list that it moves up each time.
            size += len(jelly) * (len(jelly) // _FREE)
        if size > self._most:
            raise MessageTooLarge(
                f"Security precaution: more than {self._most} items in a message, with those "
                "that it refers to."
            )
        if atom == b"reference" and number is not None and self._sizes[number] is None:
            self._sizes[number] = size
        return size, late and atom in _LATE
