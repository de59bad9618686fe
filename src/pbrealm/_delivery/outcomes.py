"""
How many notifications had which outcome.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias, get_args

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm.errors import NotificationDropped, NotifyTimeout, SessionEnded

Outcome: TypeAlias = Literal["answered", "told", "failed", "timed_out", "gone", "dropped"]
"""
What comes of a notification to one client.  One that is told was asked for no answer; the others
are those of a L{DeliveryReport<pbrealm.DeliveryReport>}, whose failures are apart here from
those without an answer in time.
"""

OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)


class OutcomeCounts:
    """
    Counts the notifications of this process, of all its servers, while somebody asks.

    @ivar counts: by outcome; L{None} while nobody asks.
    """

    def __init__(self) -> None:
        self.counts: dict[Outcome, int] | None = None
        self._asking = 0

    def begin(self) -> None:
        """Somebody asks from now on."""
        self._asking += 1
        if self.counts is None:
            self.counts = dict.fromkeys(OUTCOMES, 0)

    def end(self) -> None:
        """Undo one L{begin}."""
        self._asking -= 1
        if not self._asking:
            self.counts = None


NOTIFICATIONS: Final = OutcomeCounts()


def outcome_of(error: object) -> Outcome:
    """
    The outcome of a call to a client that has failed.

    @param error: the value of the failure.  The failure itself isn't asked: a client chooses the
        attributes of one that it sends.  A call that was cancelled has timed out.
    """
    if isinstance(error, NotificationDropped):
        return "dropped"
    if isinstance(error, (pb.ProtocolError, pb.PBConnectionLost)):
        return "gone"
    return "timed_out" if isinstance(error, CancelledError) else "failed"


def count_outcome(notification: Deferred[Any], counts: dict[Outcome, int], told: bool) -> None:
    """
    Count what comes of one notification to one client.

    @param told: whether it was asked for no answer.
    """

    def count(result: Any) -> Any:
        if not isinstance(result, Failure):
            counts["told" if told else "answered"] += 1
        elif isinstance(result.value, SessionEnded):
            counts["gone"] += 1
        elif isinstance(result.value, NotifyTimeout):
            counts["timed_out"] += 1
        else:
            counts[outcome_of(result.value)] += 1
        return result

    notification.addBoth(count)
