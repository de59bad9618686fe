"""
How long a server takes for calls and logins.
"""

from __future__ import annotations

from pbrealm._histogram import Histogram
from pbrealm._wire.meter import CallMeter


class Meter:
    """
    Measures calls and logins.

    @ivar calls: those of clients, but for the calls of a login.
    @ivar logins: those that were accepted, from the begin of the check to the answer.
    """

    __slots__ = ("calls", "logins")

    def __init__(self) -> None:
        self.calls = CallMeter()
        self.logins = Histogram()
