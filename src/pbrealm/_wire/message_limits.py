"""
Limits on the size of one received message.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from twisted.spread.banana import BananaError

# Half of a transport's receive buffer.  More bytes than this are probably only the first part of
# a message.
_MAX_SAFE_BYTES: Final = 32 * 1024

_MAX_REPEATED_BYTES: Final = 4 * 1024 * 1024


class MessageTooLarge(BananaError):
    """
    A message is larger, is nested deeper, or has more items than the limits allow.
    """


@dataclass(frozen=True)
class MessageLimits:
    """
    Limits on one message, in addition to banana's own on one string and one list.

    Headers announce how long a string or list will be.  The limits are checked as soon as a
    header is read, so nothing is allocated for what would exceed them.
    """

    message_bytes: int = 16 * 1024 * 1024
    """Bytes of a message."""

    depth: int = 200
    """Nested lists.  Unjellying takes three stack frames for each, of the interpreter's 1,000."""

    items: int = 1024 * 1024
    """Items of all lists of a message together."""

    @cached_property
    def safe_bytes(self) -> int:
        """
        The size of a buffer that holds no message beyond C{message_bytes} or C{items}.

        A buffer up to this size is decoded without counting.  The size is bounded, since decoding
        without counting is a waste of time if the message isn't complete.
        """
        return min(_MAX_SAFE_BYTES, self.message_bytes, self.items) if self.depth > 0 else 0

    @cached_property
    def repeated_bytes(self) -> int:
        """
        How many bytes the back references in an argument may stand for if it is decoded in one
        pass.

        More may be an attack: L{check_amplification
        <pbrealm._wire.amplification.check_amplification>} finds out.
        """
        return min(_MAX_REPEATED_BYTES, self.message_bytes)


DEFAULT_LIMITS: Final = MessageLimits()
"""The limits for authenticated peers: far beyond what legitimate programs send."""
