"""
How much may wait to be sent to a client, and what happens to more.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from math import inf


class SlowClientPolicy(enum.Enum):
    """What becomes of notifications that a client is too slow for."""

    END = "end"
    """The session ends, for the reason "too slow"."""

    DROP_NEWEST = "drop newest"
    """What waits, waits; what comes is dropped."""

    DROP_OLDEST = "drop oldest"
    """What comes waits; what has waited longest is dropped."""

    KEEP_LAST = "keep last"
    """Of each method, only the last call waits: for what says how things are, not what happens."""


@dataclass(frozen=True)
class Backlog:
    """
    How much may wait for a client: so much for a time, so much at once.

    What the kernel and the transport hold, together a few hundred KB, isn't counted.

    Answers to the client's own calls, and what isn't plain data, are never dropped.  A client
    that calls and doesn't read isn't listened to, so it can't ask for more; it's too slow once
    more than L{hard_bytes} of them wait and it has taken nothing for L{soft_seconds}.
    """

    soft_bytes: int = 1024 * 1024
    """Bytes of notifications that may wait for no longer than L{soft_seconds}."""

    soft_seconds: float = 10
    """Seconds that more than L{soft_bytes} may wait."""

    hard_bytes: int = 8 * 1024 * 1024
    """Bytes of notifications that may wait at all."""

    unanswered: int = 1000
    """Notifications that may be without their answer."""

    when_slow: SlowClientPolicy = SlowClientPolicy.END
    """What happens beyond that.  Where it's to drop, L{soft_bytes} has no meaning."""

    def __post_init__(self) -> None:
        for name in ("soft_bytes", "soft_seconds", "hard_bytes", "unanswered"):
            number = getattr(self, name)
            if (
                isinstance(number, bool)
                or not isinstance(number, (int, float))
                or not 0 < number < inf
            ):
                raise ValueError(f"{name} must be a positive number, not {number!r}")
        if self.soft_bytes > self.hard_bytes:
            raise ValueError("soft_bytes must not be more than hard_bytes")
        if not isinstance(self.when_slow, SlowClientPolicy):
            raise ValueError(f"when_slow must be one of SlowClientPolicy, not {self.when_slow!r}")
