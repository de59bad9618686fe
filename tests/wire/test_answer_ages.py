"""
For how long a peer has owed its oldest answer.
"""

import hypothesis.strategies as st
from hypothesis import given
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._wire.answer_ages import AnswerAges


class AnswerAgesTests(SynchronousTestCase):
    @given(st.lists(st.tuples(st.sampled_from(["call", "answer", "wait"]), st.floats(0, 3))))
    def test_random(self, steps):
        """It's never less than the real age, and at most a second more."""
        clock = Clock()
        awaited: dict[int, float] = {}
        ages = AnswerAges(clock, awaited)
        number = 0
        for step, amount in steps:
            if step == "call":
                number += 1
                awaited[number] = clock.seconds()
                ages.called(number, awaited)
            elif step == "answer" and awaited:
                del awaited[list(awaited)[int(amount / 3.1 * len(awaited))]]
            else:
                clock.advance(amount)
            oldest = ages.oldest(awaited)
            if not awaited:
                self.assertIsNone(oldest)
            else:
                age = clock.seconds() - min(awaited.values())
                assert oldest is not None
                self.assertTrue(age - 1e-6 <= oldest <= age + 1 + 1e-6, (age, oldest))

    def test_one_that_is_never_answered(self):
        """Little is kept of what is called after it."""
        clock = Clock()
        awaited: dict[int, None] = {}
        ages = AnswerAges(clock, awaited)
        for number in range(10_000):
            awaited[number] = None
            ages.called(number, awaited)
            clock.advance(1)
            if number:
                del awaited[number]
        self.assertEqual(ages.oldest(awaited), 10_000)
        self.assertLess(len(ages._marks), 100)

    def test_bounded(self):
        """Of a client that answers all, and is never asked about, little is kept."""
        clock = Clock()
        awaited: dict[int, None] = {}
        ages = AnswerAges(clock, awaited)
        for number in range(1000):
            awaited[number] = None
            ages.called(number, awaited)
            clock.advance(1)
            awaited.pop(number - 1, None)
        self.assertLess(len(ages._marks), 5)
