"""
The limits of a server, as numbers.
"""

from dataclasses import fields
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pbrealm import CachingRealm, Limits
from pbrealm._limit_fields import least_of
from pbrealm.testing import MemoryServer, RecordingMind
from tests.avatars import Player


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

    def test_least(self):
        """With less than that, nobody could log in or stay."""
        for name, least in (
            ("login_seconds", 0.1),
            ("unauthenticated_bytes", 4096),
            ("unauthenticated_message_bytes", 512),
            ("unauthenticated_depth", 8),
            ("message_bytes", 1024),
            ("depth", 8),
            ("ping_interval", 0.1),
            ("ping_timeout", 0.1),
        ):
            options: dict[str, Any] = {name: least}
            self.assertEqual(getattr(Limits(**options), name), least)
            options = {name: least * 0.9 if isinstance(least, float) else least - 1}
            with self.assertRaises(ValueError) as caught:
                Limits(**options)
            or_off = "0, or " if isinstance(least, float) else ""
            self.assertEqual(
                str(caught.exception),
                f"{name} must be {or_off}{least} or more, not {options[name]}",
            )

    def test_least_is_enough(self):
        """A client can log in and call with the least of all of them together."""
        least: dict[str, Any] = {
            field.name: least_of(field) for field in fields(Limits) if least_of(field) is not None
        }
        self.assertGreater(len(least), 5)
        server = MemoryServer(CachingRealm(Player), limits=Limits(**least))
        client = server.connect()
        perspective = client.login("alice", "secret", RecordingMind())
        self.assertEqual(client.call(perspective, "greet"), "<1>hello alice")

    def test_off(self):
        self.assertEqual(Limits(login_seconds=0, ping_interval=0, ping_timeout=0).ping_interval, 0)
