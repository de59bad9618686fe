"""
Attacks on the server's log.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.delivery.odd_errors import forged
from tests.integration.abuse.attacks_base import Attacks, Outcome
from tests.integration.abuse.raw_connection import MIND, Closed, RawConnection

CONTROL = b"mallory\r\x1b[2K\x1b[31malice: logged in\n\x07\x00"
"""What a terminal would show as another line."""


class LogAttacks(Attacks):
    """
    Attacks that have the server log much, or what an operator takes for something else.
    """

    def control_characters(self, rounds: int = 10) -> Outcome:
        """Send control characters in each place whose content the server may log."""
        kinds: Counter[str] = Counter()
        for number in range(rounds):
            stranger = self._connect()
            kinds["accepted" if stranger.login(CONTROL, b"guess") else "refused"] += 1
            kinds[stranger.call(CONTROL, CONTROL)[0].decode()] += 1
            stranger.close()
            connection = self._connect()
            perspective = connection.login(mind=MIND)
            kinds[connection.call(perspective, CONTROL)[0].decode()] += 1
            connection.request(perspective, b"broadcast")
            error = forged(
                type=CONTROL,
                value=[b"unicode", CONTROL],
                traceback=[b"unicode", CONTROL],
                parents=[b"list", CONTROL],
            )
            asked, _ = connection.next_call()
            connection.send([b"error", asked, (error, CONTROL)[number % 2]])
            kinds[connection.call(perspective, b"greet")[0].decode()] += 1
            connection.close()
        return kinds

    def _send_without_answers(
        self, rounds: int, times: int, target: Any, method: bytes, *args: Any
    ) -> Outcome:
        """Make calls that fail, without asking for answers."""
        sent = closed = 0
        for _ in range(rounds):
            connection = self._connect()
            try:
                for number in range(times):
                    self._send_unanswered(connection, number, target, method, *args)
                connection.wait_for_close()
            except Closed:
                connection.close()
            closed += 1
            sent += connection.sent
        return {"sent": sent, "closed": closed}

    def _send_unanswered(
        self, connection: RawConnection, number: int, target: Any, method: bytes, *args: Any
    ) -> None:
        call = [b"message", number, target, method, 0, [b"tuple", *args], [b"dictionary"]]
        connection.send(call)

    def unanswered_calls(self, rounds: int = 10) -> Outcome:
        """Send 62 KB at a time in calls that fail, without asking for answers."""
        return self._send_without_answers(rounds, 100, b"root", b"login", b"x" * 15_000, 1, 2)

    def unanswered_short_calls(self, rounds: int = 10) -> Outcome:
        """The same in short calls, of methods that there aren't."""
        return self._send_without_answers(rounds, 1000, b"root", b"nothing")

    def unasked_responses(self, rounds: int = 10) -> Outcome:
        """Respond to challenges without asking for an answer."""
        ended: Counter[str] = Counter()
        for number in range(rounds):
            connection = self._connect()
            try:
                _, challenger = connection.challenge(b"mallory")
                response = (b"guess", 5, [b"list"])[number % 3]
                self._send_unanswered(connection, 9, challenger, b"respond", response, [b"None"])
                kind, _ = connection.call(b"root", b"login", b"mallory")
                ended[kind.decode()] += 1
            except Closed:
                ended["closed"] += 1
            connection.close()
        return ended

    def failing_calls(self, calls: int = 300) -> Outcome:
        """Make calls that fail, with long names and arguments that refer back to a string."""
        connection = self._connect()
        perspective = connection.login()
        repeated = [b"list", [b"reference", 1, b"x" * 10_000], *([[b"dereference", 1]] * 300)]
        kinds: Counter[str] = Counter()
        for number in range(calls):
            method = (b"greet", b"x" * 1000, b"echo")[number % 3]
            kind, _ = connection.call(perspective, method, repeated, 1, 2)
            kinds[kind.decode()] += 1
        connection.close()
        return {**kinds, "sent": connection.sent}

    def short_failing_calls(self, calls: int = 1000) -> Outcome:
        """Make calls that fail, of less than 100 bytes each."""
        connection = self._connect()
        perspective = connection.login()
        kinds: Counter[str] = Counter()
        for number in range(calls):
            method = (b"greet", b"nothing", b"fail")[number % 3]
            kind, _ = connection.call(perspective, method, number)
            kinds[kind.decode()] += 1
        connection.close()
        return {**kinds, "sent": connection.sent}
