"""
The metrics of a server, from its figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from platform import python_version
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.utils import floatToGoString

from pbrealm._histogram import Histogram
from pbrealm._server.meter import Meter
from pbrealm._version import __version__
from pbrealm.admin._event_counts import EventCounts
from pbrealm.admin._figures import Figures
from pbrealm.errors import Reason


def metrics_of(
    figures: Figures,
    events: EventCounts,
    meter: Meter,
    lag: Histogram,
    notifications: Mapping[Any, int],
) -> Iterable[Metric]:
    """
    All metrics of pbrealm.

    @param notifications: how many there were, by outcome.
    """
    yield from _of_sessions(figures)
    yield from _of_logins(figures, events, meter)
    yield from _of_traffic(figures, meter)
    yield _labelled(
        "notifications", "Notifications to clients by their outcome.", "outcome", notifications
    )
    yield _histogram("reactor_lag_seconds", "How late the reactor makes timed calls.", lag)
    yield _gauge("draining", "1 from the begin of a drain on, before 0.", figures.draining)
    versions = [__version__, python_version(), version("twisted")]
    build = GaugeMetricFamily(
        "pbrealm_build_info",
        "1, with the versions of pbrealm, Python and Twisted.",
        labels=["version", "python", "twisted"],
    )
    build.add_metric(versions, 1)
    yield build


def _of_sessions(figures: Figures) -> Iterable[Metric]:
    yield _gauge("sessions", "Open sessions.", figures.sessions)
    yield _gauge(
        "sessions_away", "Sessions whose client is disconnected and may return.", figures.away
    )
    yield _gauge("avatars", "Avatar ids that have a session.", figures.avatar_ids)
    yield _gauge(
        "connections", "Open connections, with or without a login.", figures.server.connections
    )


def _of_logins(figures: Figures, events: EventCounts, meter: Meter) -> Iterable[Metric]:
    server = figures.server
    yield _counter("logins", "Logins that were accepted.", events.logins)
    yield _by_reason("refusals", "Logins that were refused, as in the journal.", events.refusals)
    yield _by_reason("ends", "Ends of sessions.", events.ends)
    yield _histogram("login_seconds", "Seconds that accepted logins took.", meter.logins)
    yield _counter(
        "limited_logins",
        "Logins that were refused before their credentials were checked.",
        server.limited_logins_total,
    )
    yield _counter(
        "rejected_connections",
        "Connections that were closed at once, since there were too many.",
        server.rejected_connections_total,
    )
    yield _gauge(
        "throttled_attempts",
        "Logins that wait because of wrong passwords before.",
        server.throttled_logins,
    )
    yield _counter(
        "throttled",
        "Logins that had to wait because of wrong passwords before.",
        server.throttled_logins_total,
    )


def _of_traffic(figures: Figures, meter: Meter) -> Iterable[Metric]:
    server, carried = figures.server, figures.server.carried
    yield _histogram("call_seconds", "Seconds until clients' calls had a result.", meter.calls)
    yield _counter("call_failures", "Calls of clients that have failed.", meter.calls.failed)
    yield _counter("calls_received", "Calls of clients.", carried.calls_received)
    yield _counter(
        "calls_sent", "Calls of clients' objects, notifications included.", carried.calls_sent
    )
    yield _counter("received_bytes", "Bytes that clients have sent.", carried.bytes_received)
    yield _counter("sent_bytes", "Bytes that were written to clients.", carried.bytes_sent)
    yield _gauge("waiting_bytes", "Bytes that wait for clients to keep up.", server.waiting_bytes)
    yield _gauge(
        "unanswered_calls", "Calls of clients' objects without an answer.", server.unanswered
    )


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"pbrealm_{name}", text, value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"pbrealm_{name}", text, value)


def _labelled(name: str, text: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"pbrealm_{name}", text, labels=[label])
    for of, value in values.items():
        family.add_metric([of], value)
    return family


def _by_reason(name: str, text: str, values: Mapping[Reason, int]) -> Metric:
    by_name = {reason.name.lower(): value for reason, value in values.items()}
    return _labelled(name, f"{text[:-1]}, by reason.", "reason", by_name)


def _histogram(name: str, text: str, histogram: Histogram) -> Metric:
    buckets = [(floatToGoString(bound), count) for bound, count in histogram.buckets()]
    return HistogramMetricFamily(f"pbrealm_{name}", text, buckets, histogram.sum)
