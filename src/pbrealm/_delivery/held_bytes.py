"""
How much is kept in memory for all clients of a server until changes are saved.
"""

from __future__ import annotations

from typing import Final

_MAX_BYTES: Final = 256 * 1024 * 1024


class HeldBytes:
    """
    What is held for all clients together: also for those that have left, what they tell others.

    @ivar limit: bytes beyond which no client has more held than one message leads to.
    """

    def __init__(self, limit: int = _MAX_BYTES) -> None:
        self.limit = limit
        self._held = 0

    @property
    def is_full(self) -> bool:
        """Whether as much is held as may be."""
        return self._held > self.limit

    def hold(self, size: int) -> None:
        """So many bytes more are held."""
        self._held += size

    def release(self, size: int) -> None:
        """So many bytes less are held."""
        self._held -= size
