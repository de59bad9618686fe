"""
A client of the administration: C{python -m benchmarks.admin.asker PORT} answers each line of
C{[path, token, seconds]} with how many requests it has had answered in so many seconds, one after
the other on a connection that stays.
"""

from __future__ import annotations

import json
import sys
from http.client import HTTPConnection
from time import monotonic

from benchmarks.processes import say


def ask(port: int, path: str, token: str, seconds: float) -> int:
    """Ask as fast as the answers come."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    end = monotonic() + seconds
    count = 0
    while monotonic() < end:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        connection.getresponse().read()
        count += 1
    connection.close()
    return count


if __name__ == "__main__":
    for line in sys.stdin:
        say(ask(int(sys.argv[1]), *json.loads(line)))
