"""
How long clients' calls take while the administration is asked without a pause.
"""

from __future__ import annotations

from benchmarks.admin.server import TOKEN
from benchmarks.processes import Worker

REQUESTS = (
    ("a page of sessions", "/api/sessions", TOKEN),
    ("metrics", "/metrics", TOKEN),
    ("with a wrong token", "/api/sessions", "wrong"),
    ("health, without a token", "/healthz", ""),
)

TURN_SECONDS = 3.0


def percentile(took: list[float], share: float) -> float:
    """In milliseconds."""
    return sorted(took)[int(len(took) * share)] * 1000


def measure_latency(turns: int) -> list[list[str]]:
    """The rows of the table."""
    server = Worker("benchmarks.admin.server")
    port, admin_port = server.hear()
    server.ask(True)
    callers = Worker("benchmarks.admin.callers", str(port))
    asker = Worker("benchmarks.admin.asker", str(admin_port))
    callers.hear()
    try:
        return [_row(callers, asker, *request, turns) for request in REQUESTS]
    finally:
        for worker in (asker, callers, server):
            worker.stop()


def _row(
    callers: Worker, asker: Worker, name: str, path: str, token: str, turns: int
) -> list[str]:
    # What may be done at once, after a time with little work, is done before.
    asker.ask((path, token, TURN_SECONDS))
    undisturbed: list[float] = []
    meanwhile: list[float] = []
    requests = 0
    for _ in range(turns):
        undisturbed += callers.ask(TURN_SECONDS)
        asker.tell((path, token, TURN_SECONDS))
        meanwhile += callers.ask(TURN_SECONDS)
        requests += asker.hear()
    median, most = (percentile(undisturbed, share) for share in (0.5, 0.99))
    median_then, most_then = (percentile(meanwhile, share) for share in (0.5, 0.99))
    return [
        name,
        f"{requests / turns / TURN_SECONDS:,.0f}",
        f"{median:.2f}, {most:.2f} ms",
        f"{median_then:.2f}, {most_then:.2f} ms",
        f"**{most_then / most:.2f}**",
    ]
