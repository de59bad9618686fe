"""
Which of the attempts that wait is next.
"""

from collections import Counter
from random import Random

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._server.login_line import LoginLine, WaitingAttempt
from pbrealm._server.login_throttle import Attempt

DRAWS = 4000


class LoginLineTests(SynchronousTestCase):
    def setUp(self):
        self.line = LoginLine()
        self.random = Random(1)
        self.failures: Counter[str | None] = Counter()

    def add(self, address):
        waiting = WaitingAttempt(Attempt(address, b"alice", (b"alice",)), Deferred())
        self.line.add(waiting)
        return waiting

    def draw(self):
        return self.line.draw(self.random, self.failures.__getitem__)

    def shares(self, draws=DRAWS):
        """How often each address is drawn, in percent."""
        drawn = Counter(self.draw().attempt.address for _ in range(draws))
        return {address: round(100 * count / draws) for address, count in drawn.items()}

    def assert_share(self, address, percent):
        self.assertApproximates(self.shares()[address], percent, 3)

    def test_neither_first_nor_last(self):
        for number in range(4):
            self.add(f"192.0.{number}.1")
        for number in range(4):
            self.assert_share(f"192.0.{number}.1", 25)

    def test_number_of_attempts_does_not_help(self):
        for _ in range(50):
            self.add("192.0.2.1")
        self.add("192.0.2.2")
        self.assert_share("192.0.2.2", 50)

    def test_number_of_addresses_in_a_network_does_not_help(self):
        for number in range(50):
            self.add(f"192.0.2.{number}")
            self.add(f"2001:db8:1:{number:x}::/64")
        self.add("198.51.100.1")
        self.add("2001:db8:2::/64")
        self.assert_share("198.51.100.1", 25)
        self.assert_share("2001:db8:2::/64", 25)

    def test_each_wrong_password_halves_the_chance(self):
        for here, there in (("192.0.2.1", "192.0.2.2"), ("192.0.2.1", "198.51.100.1")):
            self.setUp()
            self.add(here)
            self.add(there)
            for failures, percent in ((1, 67), (2, 80), (5, 97)):
                # Both have wrong passwords at the address; in the second case, it's the network
                # that counts.
                self.failures[here] = self.failures["192.0.2.0/24"] = failures
                self.assert_share(there, percent)

    def test_nobody_is_without_a_chance(self):
        self.add("192.0.2.1")
        self.add("198.51.100.1")
        self.failures.update({"192.0.2.1": 10**9, "192.0.2.0/24": 10**9})
        self.assertIn("192.0.2.1", self.shares())

    def test_wrong_passwords_everywhere(self):
        for network in ("192.0.2", "198.51.100"):
            self.add(f"{network}.1")
            self.failures[f"{network}.0/24"] = 9
        self.assert_share("192.0.2.1", 50)

    def test_without_a_network(self):
        """A UNIX socket has no address, and not all addresses are of the internet."""
        addresses = [None, "somewhere", "192.0.2.1"]
        waiting = [self.add(address) for address in addresses]
        self.assertEqual(set(self.shares()), set(addresses))
        for each in waiting:
            self.line.remove(each)
        self.assertEqual(len(self.line), 0)

    def test_remove(self):
        """Whatever is drawn and removed, in whatever order, nothing is left or lost."""
        waiting = {self.add(f"192.0.{n % 7}.{n % 13}") for n in range(100)}
        while waiting:
            drawn = self.draw()
            waiting.remove(drawn)
            self.line.remove(drawn)
        self.assertEqual(len(self.line), 0)
        self.assertEqual((self.line._addresses, self.line._attempts), ({}, {}))
