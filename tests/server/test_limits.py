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
            {"ping_interval": float("inf")},
            {"login_seconds": 10**400},
            {"resume_seconds": 1e308},
            {"throttle_seconds": 10**9 + 1},
            {"connections": 2**63},
            {"connections": 10**5000},
        ):
            with self.assertRaises(ValueError) as caught:
                Limits(**options)
            self.assertIn(next(iter(options)), str(caught.exception))

    def test_largest(self):
        limits = Limits(login_seconds=10**9, connections=2**63 - 1)
        self.assertEqual((limits.login_seconds, limits.connections), (10**9, 2**63 - 1))
        why = self.assertRaises(ValueError, Limits, login_seconds=10**400)
        self.assertEqual(str(why), "login_seconds must be 1000000000 or less")

    def test_off(self):
        self.assertEqual(Limits(login_seconds=0, ping_interval=0, ping_timeout=0).ping_interval, 0)
