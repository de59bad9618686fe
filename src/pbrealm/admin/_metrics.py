"""
The operation that shows the metrics of a server to Prometheus.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf
from typing import Any, Final, TypeVar

from prometheus_client import CollectorRegistry, Metric, ProcessCollector, generate_latest
from prometheus_client.registry import Collector
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from pbrealm._delivery.outcomes import NOTIFICATIONS
from pbrealm._server.factory import ServerFactory
from pbrealm.admin._collector import metrics_of
from pbrealm.admin._event_counts import EventCounts
from pbrealm.admin._figures import FigureGatherer, Figures
from pbrealm.admin._meter import SharedMeter, begin_metering, end_metering
from pbrealm.admin._operations import Call, Operation, Reply
from pbrealm.admin._pace import Pace
from pbrealm.admin._reactor_lag import ReactorLag
from pbrealm.admin._waiting import share
from pbrealm.realms._mind_tracking import MindTrackingRealm

_T = TypeVar("_T")

METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
"""Which version of Prometheus' text format it is."""

FRESH_SECONDS: Final = 1
"""For how long metrics are shown again, so that it costs little to ask often."""


class Metrics(Collector):
    """
    Measures a server, and shows its metrics.

    Most figures are those that the server has anyway, and are read when somebody asks.
    """

    def __init__(
        self, realm: MindTrackingRealm[Any], factory: ServerFactory, clock: IReactorTime
    ) -> None:
        self._factory = factory
        self._clock = clock
        self._gatherer = FigureGatherer(realm, factory, clock)
        self._events = EventCounts()
        self.record = self._events.record
        # None while nothing is measured.
        self._meter: SharedMeter | None = None
        self._lag = ReactorLag(clock)
        self._figures: Figures | None = None
        # The global registry is the program's.
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        self._pace = Pace(clock)
        # While figures are gathered, for all who ask meanwhile.
        self._gathering: Deferred[None] | None = None
        self._shown = b""
        self._shown_at = -inf

    def start(self) -> None:
        """Begin to measure."""
        self._meter = begin_metering(self._factory)
        NOTIFICATIONS.begin()
        self._lag.start()

    def stop(self) -> None:
        """Measure no more."""
        meter, self._meter = self._meter, None
        if meter is not None:
            self._lag.stop()
            NOTIFICATIONS.end()
            end_metering(self._factory, meter)

    def operations(self) -> Sequence[Operation]:
        """The part of the table."""
        return (
            Operation(
                "GET",
                "/metrics",
                "Show the metrics, in the text format of Prometheus.",
                self._show,
                content_type=METRICS_TYPE,
                responses={200: ("The metrics.", {"type": "string"})},
            ),
        )

    async def _show(self, call: Call) -> Reply:
        # Unless the clock was set back.
        if not 0 <= self._clock.seconds() - self._shown_at < FRESH_SECONDS:
            if self._gathering is None:
                self._gathering = Deferred.fromCoroutine(self._gather())
                self._gathering.addBoth(self._gathered)
            await share(self._gathering)
        return Reply(self._shown, content_type=METRICS_TYPE)

    async def _gather(self) -> None:
        # Whoever asked first may leave, so this goes on at a pace of its own.
        self._figures = await self._pace.run(self._gatherer.gather())
        self._shown = generate_latest(self._registry)
        self._shown_at = self._clock.seconds()

    def _gathered(self, result: _T) -> _T:
        self._gathering = None
        return result

    def collect(self) -> Iterable[Metric]:
        """The metrics; for the registry."""
        if self._figures is None or self._meter is None:
            return ()
        notifications = NOTIFICATIONS.counts or {}
        return metrics_of(
            self._figures, self._events, self._meter, self._lag.histogram, notifications
        )
