"""
What a server is measured by.
"""

from __future__ import annotations

from pbrealm._server.factory import ServerFactory
from pbrealm.admin._histogram import Histogram


class AdminMeter:
    """
    Counts the calls and the logins of a server, by how long they take.

    @ivar calls: those of clients.
    @ivar failed_calls: how many of them have failed.
    @ivar logins: those that were accepted.
    @ivar users: how many administration services there are that use it.
    """

    __slots__ = ("calls", "failed_calls", "logins", "users")

    def __init__(self) -> None:
        self.calls = Histogram()
        self.failed_calls = 0
        self.logins = Histogram()
        self.users = 0

    def call_done(self, seconds: float, failed: bool) -> None:
        """A call was run."""
        self.calls.observe(seconds)
        if failed:
            self.failed_calls += 1

    def login_done(self, seconds: float) -> None:
        """A login was accepted."""
        self.logins.observe(seconds)


def begin_metering(factory: ServerFactory) -> AdminMeter:
    """
    Have a server measured; all its administration services share a meter.

    @return: to be passed to L{end_metering} later.
    """
    meter = factory.meter
    if not isinstance(meter, AdminMeter):
        factory.meter = meter = AdminMeter()
    meter.users += 1
    return meter


def end_metering(factory: ServerFactory, meter: AdminMeter) -> None:
    """Undo one L{begin_metering}."""
    meter.users -= 1
    if not meter.users and factory.meter is meter:
        factory.meter = None
