"""
Attacks by clients that read slowly.
"""

from __future__ import annotations

import time
from collections import Counter

from tests.integration.abuse.attacks_base import Attacks, Outcome
from tests.integration.abuse.raw_connection import MIND, Closed, RawConnection

CHANGES = 50
CHANGE_BYTES = 10_000
"""What is sent to a slow reader at a time."""

DIALECTS = (b"pb", b"none")


class SlowReader:
    """
    Reads so many bytes a second of a connection, and no more.

    @ivar taken: how many bytes it has read.
    """

    def __init__(self, connection: RawConnection, rate: int) -> None:
        """
        @param rate: bytes a second.
        """
        self._connection = connection
        self._rate = rate
        self._began = time.monotonic()
        self.taken = 0

    def read(self) -> None:
        """
        Read what there is time for by now.

        @raise Closed: if the server has closed the connection.
        """
        due = int((time.monotonic() - self._began) * self._rate) - self.taken
        if due > 0:
            self.taken += self._connection.read_more(due)


class SlowReaderAttacks(Attacks):
    """
    Attacks by clients for which much waits.
    """

    def slow_reader(
        self, total: int = 64 << 20, rate: int = 100_000, shared: int = 1, dialect: int = 0
    ) -> Outcome:
        """
        Have the server send faster than the client reads, and come back each time that the server
        has ended the session.

        @param total: how many bytes to have sent, for all connections together.
        @param rate: bytes a second that the client reads.
        @param shared: 1 for the changes of a shared dictionary, 0 for notifications.
        @param dialect: which of L{DIALECTS} the client speaks.
        """
        feeder = self._connect()
        feeding = feeder.login()
        method = b"change" if shared else b"notify"
        counts: Counter[str] = Counter()
        while counts["bytes"] < total:
            connection = self._connect(receive_buffer=4096, dialect=DIALECTS[dialect])
            perspective = connection.login(mind=MIND)
            if shared:
                connection.answer_of(perspective, b"settings")
            reader = SlowReader(connection, rate)
            receivers = 1
            while receivers and counts["bytes"] < total:
                receivers = feeder.answer_of(feeding, method, CHANGES, CHANGE_BYTES)
                counts["bytes"] += CHANGES * CHANGE_BYTES
                reader.read()
            counts["ended"] += not receivers
            connection.close()
        feeder.close()
        return counts

    def steady_reader(self, seconds: int = 5, rate: int = 50_000) -> Outcome:
        """Read a long answer slowly but steadily, then the rest of it, and make a call."""
        connection = self._connect(receive_buffer=4096)
        perspective = connection.login()
        connection.request(perspective, b"echo", [b"list", *[b"x" * 500_000] * 8])
        reader = SlowReader(connection, rate)
        until = time.monotonic() + seconds
        try:
            while time.monotonic() < until:
                reader.read()
                # The pace is the attack; it ends with the time that it is to go on.
                time.sleep(0.01)
            kind, _ = connection.call(perspective, b"greet")
        except Closed:
            kind = b"closed"
        connection.close()
        return {"taken": reader.taken, "afterwards": kind.decode()}
