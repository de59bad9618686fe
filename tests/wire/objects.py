"""
Objects of all kinds to send, and a root object to call.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.spread import pb


class Point(pb.Copyable, pb.RemoteCopy):
    """Something that's copied; it counts how often it was asked for its state."""

    asked = 0

    def __init__(self, x: object = None) -> None:
        self.x = x

    def getStateToCopy(self) -> dict[str, object]:
        Point.asked += 1
        return {"x": self.x}


pb.setUnjellyableForClass(Point, Point)


class Mirror(pb.Cacheable):
    """Something that's cached."""

    def __init__(self) -> None:
        self.observers: list[Any] = []
        self.stopped = 0

    def getStateToCacheAndObserveFor(self, perspective: object, observer: Any) -> object:
        self.observers.append(observer)
        return {"so far": [1, 2]}

    def stoppedObserving(self, perspective: object, observer: object) -> None:
        self.stopped += 1


class Mirrored(pb.RemoteCache):
    """The cache of it."""

    def setCopyableState(self, state: Any) -> None:
        self.state = state

    def observe_add(self, *more: object, **kw: object) -> object:
        self.state["so far"] += more
        return {"kw": kw}


pb.setUnjellyableForClass(Mirror, Mirrored)


class Refused(pb.Error):
    """An error that's expected."""


class Viewed(pb.Viewable):
    """Something that's seen through a perspective."""

    def view_me(self, perspective: object, *args: object) -> object:
        return [perspective is None, args]


class Root(pb.Root):
    """Methods of every kind."""

    def __init__(self) -> None:
        self.kept: list[Any] = []
        self.mirror = Mirror()
        self.later: Deferred[object] = Deferred()

    def remote_echo(self, *args: Any, **kw: Any) -> object:
        return [args, kw]

    def remote_keep(self, *args: Any) -> None:
        self.kept += args

    def remote_fail(self, why: str) -> object:
        raise Refused(why)

    def remote_later(self) -> Deferred[object]:
        return self.later

    def remote_wants_one(self, one: object) -> None:
        """Takes one argument."""

    def remote_mirror(self) -> Mirror:
        return self.mirror

    def remote_me(self) -> object:
        return self, {"also": [self]}

    def remote_view(self) -> object:
        return Viewed()
