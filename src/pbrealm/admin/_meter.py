"""
The meter that all administration services of a server share.
"""

from __future__ import annotations

from pbrealm._server.factory import ServerFactory
from pbrealm._server.meter import Meter


class SharedMeter(Meter):
    """
    A meter of one server.

    @ivar users: how many administration services there are that use it.
    """

    __slots__ = ("users",)

    def __init__(self) -> None:
        super().__init__()
        self.users = 0


def begin_metering(factory: ServerFactory) -> SharedMeter:
    """
    Have a server measured.

    @return: to be passed to L{end_metering} later.
    """
    meter = factory.meter
    if not isinstance(meter, SharedMeter):
        factory.meter = meter = SharedMeter()
    meter.users += 1
    return meter


def end_metering(factory: ServerFactory, meter: SharedMeter) -> None:
    """Undo one L{begin_metering}."""
    meter.users -= 1
    if not meter.users and factory.meter is meter:
        factory.meter = None
