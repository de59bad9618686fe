"""
The limits of a server, as numbers.
"""

from twisted.trial.unittest import SynchronousTestCase

from pbrealm import Limits


class LimitsTests(SynchronousTestCase):
    def test_bad_numbers(self):
        for options in (
            {"login_attempts": 0},
            {"login_attempts": 1.5},
            {"logins": True},
            {"login_seconds": -1},
            {"connections": "many"},
            {"ping_timeout": 0},
        ):
            with self.assertRaises(ValueError) as caught:
                Limits(**options)
            self.assertIn(next(iter(options)), str(caught.exception))

    def test_off(self):
        self.assertEqual(Limits(login_seconds=0, ping_interval=0, ping_timeout=0).ping_interval, 0)
