"""
How many logins, refusals and ends there were.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from pbrealm.errors import Reason

_REASONS: Final = {reason.number: reason for reason in Reason}


class EventCounts:
    """
    Counts logins, and refusals and ends by their reason.

    @ivar logins: how many there were.
    @ivar refusals: by reason; each reason is there.
    @ivar ends: by reason; each reason is there.
    """

    def __init__(self) -> None:
        self.logins = 0
        self.refusals: Counter[Reason] = Counter(dict.fromkeys(Reason, 0))
        self.ends: Counter[Reason] = Counter(dict.fromkeys(Reason, 0))

    def record(self, name: str, data: Mapping[str, Any]) -> None:
        """Count an event, if it is one of these."""
        if name == "login":
            self.logins += 1
        elif name == "refusal":
            self.refusals[_REASONS[data["reason"]]] += 1
        elif name == "end":
            self.ends[_REASONS[data["reason"]]] += 1
