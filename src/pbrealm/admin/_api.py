"""
The table of all operations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.interfaces import IReactorTime

from pbrealm._server.factory import ServerFactory
from pbrealm.admin._draining import DrainOperations
from pbrealm.admin._events import Events
from pbrealm.admin._feed import Feed
from pbrealm.admin._history import History
from pbrealm.admin._messages import MessageOperations
from pbrealm.admin._metrics import Metrics
from pbrealm.admin._openapi import with_description
from pbrealm.admin._operations import Operation
from pbrealm.admin._page import page_operations
from pbrealm.admin._rates import Rates
from pbrealm.admin._sessions import SessionOperations
from pbrealm.admin._settings import SettingOperations
from pbrealm.admin._top import TopOperations
from pbrealm.realms._mind_tracking import MindTrackingRealm


class Api:
    """
    The operations on a server, and what they know of it.

    @ivar operations: the table.
    """

    def __init__(
        self,
        realm: MindTrackingRealm[Any],
        factory: ServerFactory,
        clock: IReactorTime,
        on_drained: Callable[[], object] | None = None,
    ) -> None:
        self._feed = feed = Feed(realm, clock)
        self._events = Events(lambda: len(realm.sessions()), clock)
        history = History(clock)
        self._metrics = Metrics(realm, factory, clock)
        self._rates = Rates(lambda: len(realm.sessions()), clock)
        for listener in (
            history.record,
            self._rates.record,
            self._metrics.record,
            self._events.publish,
        ):
            feed.listen(listener)
        # Each has a part of the table.
        parts = (
            SessionOperations(realm, feed, clock),
            TopOperations(realm, clock),
            MessageOperations(realm, feed),
            history,
            SettingOperations(factory, feed, clock),
            DrainOperations(factory, feed, on_drained),
            self._events,
            self._rates,
            self._metrics,
        )
        self.operations: Sequence[Operation] = (
            *with_description([each for part in parts for each in part.operations()]),
            *page_operations(),
        )

    def start(self) -> None:
        """Begin to watch the server."""
        self._feed.start()
        self._rates.start()
        self._metrics.start()

    def stop(self) -> None:
        """Watch no more, and end the streams."""
        self._metrics.stop()
        self._feed.stop()
        self._events.stop()
