"""
How much a message may ask of whoever decodes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from twisted.spread.banana import BananaError

_SMALL: Final = 32 * 1024
"""
Bytes in the buffer, up to which a message is taken for whole and decoded at once.  More than this
is likely to be the beginning of a message, half of a transport's buffer.
"""


class MessageTooLarge(BananaError):
    """
    A message is larger, deeper or has more items than this end takes.
    """


@dataclass(frozen=True)
class MessageLimits:
    """
    The bounds on one message, beside banana's own on one string and one list.

    They are checked against what a message announces, so before anything is kept for it.
    """

    message_bytes: int = 16 * 1024 * 1024
    """Bytes of a whole message."""

    depth: int = 200
    """Lists within one another.  Jelly recurses thrice for each, and may do so 1,000 times."""

    items: int = 1024 * 1024
    """Items of all lists of a message together."""

    @cached_property
    def uncounted(self) -> int:
        """Bytes within which bytes and items needn't be counted, and may be taken for whole."""
        return min(_SMALL, self.message_bytes, self.items) if self.depth > 0 else 0


GENEROUS: Final = MessageLimits()
"""
For peers who have logged in: no honest program comes near them.
"""
