"""
Attacks by what a client answers when the server calls it, or by how it lets itself be called.
"""

from __future__ import annotations

import itertools
from collections import Counter

from tests.delivery.odd_errors import ODD_ERRORS
from tests.integration.abuse.attacks_base import Attacks, Outcome
from tests.integration.abuse.raw_connection import MIND, Closed


class AnswerAttacks(Attacks):
    """
    Attacks by clients that the server calls.
    """

    def odd_answers(self, rounds: int = 1) -> Outcome:
        """Answer broadcasts with what is no error, or no answer; at last not at all."""
        asker = self._connect()
        perspective = asker.login()
        odd = self._connect()
        odd.login(mind=MIND)
        counts: Counter[str] = Counter()
        longest = seconds = 0.0
        answers = list(itertools.product((b"error", b"answer"), ODD_ERRORS.values()))
        for kind, error in [*answers * rounds, (b"", None)]:
            request = asker.request(perspective, b"broadcast")
            try:
                asked, _ = odd.next_call()
                if kind:
                    odd.send([kind, asked, error])
            except Closed:
                counts["closed"] += 1
                odd = self._connect()
                odd.login(mind=MIND)
            _, report = asker.wait_for_answer(request)
            longest = max(longest, seconds)
            _, seconds, *names = report
            counts["reports"] += 1
            counts["with the bystander"] += b"alice" in names
        asker.close()
        odd.close()
        return {**counts, "longest": longest, "unanswered": seconds}

    def notifications_at_once(self, count: int = 1001) -> Outcome:
        """Be called so many times in one go, as a client that answers each call."""
        connection = self._connect()
        perspective = connection.login(mind=MIND)
        connection.request(perspective, b"notify", count, 10)
        for _ in range(count):
            asked, _ = connection.next_call()
            connection.send([b"answer", asked, [b"None"]])
        kind, _ = connection.call(perspective, b"greet")
        connection.close()
        return {"answered": count, "afterwards": kind.decode()}

    def long_ids(self, calls: int = 300, size: int = 100_000) -> Outcome:
        """Have the server call objects whose ids are long, each another, and leave."""
        counts: Counter[str] = Counter()
        connection = self._connect()
        perspective = connection.login()
        for number in range(calls):
            luid = b"%d" % number + b"x" * size
            kind, _ = connection.call(perspective, b"call", [b"remote", luid])
            counts[kind.decode()] += 1
        sent = connection.sent
        connection.close()
        stranger = self._connect()
        mind = [b"remote", b"x" * 10_000]
        counts["as a mind"] = stranger.login(mind=mind) is not None
        stranger.close()
        return {**counts, "sent": sent}
