"""
The default clock.
"""

from __future__ import annotations

from typing import cast

from twisted.internet.interfaces import IReactorTime


def clock_or_reactor(clock: IReactorTime | None) -> IReactorTime:
    """
    The clock that was given, or the global reactor.

    The reactor is imported only when it is needed, since importing it installs it.
    """
    if clock is not None:
        return clock
    from twisted.internet import reactor

    return cast(IReactorTime, reactor)
