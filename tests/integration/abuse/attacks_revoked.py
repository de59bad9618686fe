"""
Attacks by clients whose session was ended: they use what it has handed out.
"""

from __future__ import annotations

from typing import Any

from tests.integration.abuse.attacks_base import Attacks, Outcome
from tests.integration.abuse.raw_connection import MIND, NO_MIND, Closed, RawConnection


class RevokedAttacks(Attacks):
    """
    Each attack has a session of mallory kicked, and counts the calls that get through afterwards.
    """

    def _log_in(self, *, alone: bool) -> tuple[RawConnection, Any, Any]:
        """
        Log in, and get a reference.

        @param alone: whether this is the connection's only session, so that it is closed soon
            after the session's end.
        @return: the connection, the perspective of its other session, and the reference.
        """
        connection = self._connect()
        other = None if alone else connection.login(b"bob")
        perspective = connection.login(mind=MIND)
        _, counter = connection.answer_of(perspective, b"counter")
        assert connection.answer_of(counter, b"add")
        return connection, other, counter

    def _kick(self) -> None:
        """Have mallory's sessions ended, by another client."""
        connection = self._connect()
        assert connection.answer_of(connection.login(b"carol"), b"kick", b"mallory")
        connection.close()

    def _gets_through(self, connection: RawConnection, target: Any) -> bool:
        """Whether a call does."""
        try:
            return connection.call(target, b"add")[0] == b"answer"
        except Closed:
            return False

    def call_while_a_wrong_password_waits(self, rounds: int = 5) -> Outcome:
        """Call before, while and after the server checks a wrong password."""
        through = waited = 0
        for _ in range(rounds):
            connection, _, counter = self._log_in(alone=False)
            first, second = (connection.challenge(b"mallory")[1] for _ in range(2))
            # The next one is delayed.
            assert connection.call(first, b"respond", b"guess", NO_MIND)[0] == b"error"
            self._kick()
            through += self._gets_through(connection, counter)
            attempt = connection.request(second, b"respond", b"guess", NO_MIND)
            through += self._gets_through(connection, counter)
            waited += not connection.has_received_answer(attempt)
            assert connection.wait_for_answer(attempt)[0] == b"error"
            through += self._gets_through(connection, counter)
            connection.close()
        return {"through": through, "of": 3 * rounds, "waited": waited}

    def call_after_a_logout(self, rounds: int = 5) -> Outcome:
        """Call after another session of the connection has logged out by itself."""
        through = 0
        for _ in range(rounds):
            connection, other, counter = self._log_in(alone=False)
            third = connection.login(b"carol")
            self._kick()
            connection.send([b"decref", other])
            assert connection.answer_of(third, b"greet")
            through += self._gets_through(connection, counter)
            connection.close()
        return {"through": through, "of": rounds}

    def log_in_before_the_goodbye_is_over(self, rounds: int = 5) -> Outcome:
        """Log in as a guest while the server waits for the answer to its goodbye, and call."""
        through = guests = 0
        for _ in range(rounds):
            connection, _, counter = self._log_in(alone=True)
            self._kick()
            try:
                assert connection.next_call()[1] == b"goodbye"
                guests += connection.call(b"root", b"loginAnonymous", NO_MIND)[0] == b"answer"
            except Closed:
                pass
            through += self._gets_through(connection, counter)
            connection.close()
        return {"through": through, "guests": guests, "of": rounds}

    def follow_changes(self, rounds: int = 5) -> Outcome:
        """Keep live copies, and count the changes that arrive before and after the kick."""
        before = after = 0
        for _ in range(rounds):
            connection = self._connect()
            other = connection.login(b"bob")
            perspective = connection.login(mind=MIND)
            connection.answer_of(perspective, b"settings")
            changer = self._connect()
            change = changer.login()
            changer.answer_of(change, b"change", 5, 10)
            before += self._changes_before_an_answer(connection, other)
            self._kick()
            # That has ended the session of the changer, too.
            changer.close()
            changer = self._connect()
            changer.answer_of(changer.login(), b"change", 5, 10)
            after += self._changes_before_an_answer(connection, other)
            connection.close()
            changer.close()
        return {"before": before, "after": after}

    def _changes_before_an_answer(self, connection: RawConnection, perspective: Any) -> int:
        """How many changes come before the answer to a call that is made now."""
        number = connection.request(perspective, b"greet")
        changes = 0
        while (message := connection.receive())[:2] != [b"answer", number]:
            changes += message[0] == b"cachemessage" and message[3] == b"update"
        return changes
