"""
How long the calls of peers take.
"""

from __future__ import annotations

from pbrealm._histogram import Histogram


class CallMeter(Histogram):
    """
    Counts calls by the seconds that they take: from the time when the message is handled until
    there is a result.

    @ivar failed: how many of them have failed.
    """

    __slots__ = ("failed",)

    def __init__(self) -> None:
        super().__init__()
        self.failed = 0
