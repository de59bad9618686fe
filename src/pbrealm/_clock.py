"""
The default clock.
"""

from __future__ import annotations

from typing import cast

from twisted.internet.interfaces import IReactorTime

from pbrealm._types import AnyClock


def clock_or_reactor(clock: AnyClock | None) -> IReactorTime:
    """
    The clock that was given, or the global reactor.

    The reactor is imported only when it is needed, since importing it installs it.
    """
    if clock is not None:
        return cast(IReactorTime, clock)
    from twisted.internet import reactor

    return cast(IReactorTime, reactor)
