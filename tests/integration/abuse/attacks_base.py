"""
What the attacks have in common.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tests.integration.abuse.raw_connection import Closed, RawConnection

MODULUS: Final = (1 << 61) - 1
"""Numbers that are equal modulo this have the same hash."""

Outcome = Mapping[str, int | float | str]
"""What came of an attack."""


class Attacks:
    """
    Each public method of the subclasses is an attack; its arguments are integers.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port

    def _connect(self, **options: Any) -> RawConnection:
        """Connect once, with options of L{RawConnection}."""
        return RawConnection(self._host, self._port, **options)

    def _connect_many(self, count: int, **options: Any) -> list[RawConnection]:
        """Connect several times."""
        return [self._connect(**options) for _ in range(count)]

    def _flood(self, data: bytes, connections: int, total: int) -> Outcome:
        """
        Write the same bytes repeatedly on each of several connections.  Replace a connection that
        the server closes.

        @param total: how many bytes to write altogether.
        """
        opened = self._connect_many(connections)
        sent = closed = 0
        while sent < total:
            for index, connection in enumerate(opened):
                before = connection.sent
                try:
                    connection.write(data)
                except Closed:
                    closed += 1
                    connection.close()
                    opened[index] = self._connect()
                sent += connection.sent - before
        for connection in opened:
            connection.close()
        return {"sent": sent, "closed": closed}
