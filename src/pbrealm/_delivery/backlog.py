"""
Limits on what may wait to be sent to a slow client, and what happens beyond them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from pbrealm._arguments import MAX_COUNT, MAX_SECONDS, check_most
from pbrealm._limit_fields import Current, document_limits, limit


class SlowClientPolicy(enum.Enum):
    """
    What to do when a client is too slow to take its notifications.
    """

    END = "end"
    """End the session, for the reason "too slow"."""

    DROP_NEWEST = "drop newest"
    """Drop the new notification, and keep those that wait."""

    DROP_OLDEST = "drop oldest"
    """Drop the notifications that have waited longest, and keep the new one."""

    KEEP_LAST = "keep last"
    """
    Keep only the last notification of each method.  This suits notifications that tell a state,
    not those that tell an event.
    """


@document_limits
@dataclass(frozen=True)
class Backlog:
    """
    Limits on what may wait to be sent to one client.  All have to be positive.

    A few hundred KB that the kernel and the transport buffer are not counted.

    The bound is C{hard_bytes} for all that waits together, besides the one message that is sent
    next: answers to the client's own calls and changes of a L{SharedDict} count too.  Only
    notifications of plain data can be dropped.  If dropping them doesn't bring a client within
    the bound, its session ends.

    What is sent outside of all calls, and is kept back by something that waits for a store, counts
    by itself, against C{hard_bytes} too.  Of that, C{KEEP_LAST} drops what has waited longest.

    The server handles no calls of a client that takes no answers.  So only answers that come
    later, such as those of a Deferred, can go beyond the bound.
    """

    soft_bytes: int = limit(
        1024 * 1024,
        "Bytes of notifications that may wait for a client for longer than `soft_seconds`; each "
        "counts for 700 bytes more. Used only if `when_slow` is to end the session.",
    )
    soft_seconds: float = limit(
        10, "Seconds that more than `soft_bytes` of notifications may wait for a client."
    )
    hard_bytes: int = limit(
        8 * 1024 * 1024,
        "Bytes that may wait for a client at all, besides the message that is sent next; each "
        "message counts for 700 bytes more.",
    )
    unanswered: int = limit(
        1000,
        "Number of notifications that a client may leave unanswered for longer than "
        "`soft_seconds`. 20 times as many may be unanswered for a shorter time.",
    )
    when_slow: SlowClientPolicy = limit(  # noqa: RUF009 (it makes a field, as field() does)
        SlowClientPolicy.END, "What happens when more waits for a client than may."
    )

    def __post_init__(self) -> None:
        for name in ("soft_bytes", "soft_seconds", "hard_bytes", "unanswered"):
            number = getattr(self, name)
            if isinstance(number, bool) or not isinstance(number, (int, float)) or not number > 0:
                raise ValueError(f"{name} must be a positive number, not {number!r}")
            check_most(name, number, MAX_SECONDS if name == "soft_seconds" else MAX_COUNT)
        if self.soft_bytes > self.hard_bytes:
            raise ValueError("soft_bytes must not be more than hard_bytes")
        if not isinstance(self.when_slow, SlowClientPolicy):
            raise ValueError(f"when_slow must be one of SlowClientPolicy, not {self.when_slow!r}")


class CurrentBacklog(Current[Backlog], Backlog):
    """
    The backlog of a server, which may be replaced while it serves.
    """
