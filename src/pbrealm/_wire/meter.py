"""
What is told how long the calls of a peer take.
"""

from __future__ import annotations

from typing import Protocol


class CallMeter(Protocol):
    """
    Is told of each call of a peer.
    """

    def call_done(self, seconds: float, failed: bool) -> object:
        """
        A call was run.

        @param seconds: from the time when its message was handled until there was a result.
        """
