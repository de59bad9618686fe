"""
The table of addresses that accounts have logged in from.
"""

from twisted.trial.unittest import SynchronousTestCase

from pbrealm._server.known_addresses import MAX_ADDRESSES, KnownAddresses


class KnownAddressesTests(SynchronousTestCase):
    def setUp(self):
        self.known = KnownAddresses(20)

    def add(self, count, account, prefix=""):
        for number in range(count):
            self.known.add(f"{prefix}{number}", account)

    def known_of(self, account, prefix=""):
        return [n for n in range(100) if self.known.knows(f"{prefix}{n}", account)]

    def test_by_account(self):
        self.known.add("home", b"alice")
        self.known.add(None, b"bob")
        self.assertTrue(self.known.knows("home", b"alice"))
        self.assertTrue(self.known.knows(None, b"bob"))
        self.assertFalse(self.known.knows("home", b"bob"))
        self.assertFalse(self.known.knows(None, b"alice"))

    def test_accounts_at_an_address(self):
        for account in (b"alice", b"bob", b"alice"):
            self.known.add("home", account)
        self.assertEqual(self.known.accounts_at("home"), 2)
        self.assertEqual(self.known.accounts_at("elsewhere"), 0)
        self.assertEqual(len(self.known), 2)

    def test_one_account_displaces_no_other(self):
        self.known.add("home", b"alice")
        self.add(100, b"mallory")
        self.assertTrue(self.known.knows("home", b"alice"))
        self.assertEqual(self.known_of(b"mallory"), list(range(100 - MAX_ADDRESSES, 100)))
        self.assertEqual(len(self.known), 1 + MAX_ADDRESSES)

    def test_longest_unused_of_an_account_is_forgotten_first(self):
        self.add(MAX_ADDRESSES, b"alice")
        self.known.add("0", b"alice")
        self.known.add("50", b"alice")
        self.assertEqual(self.known_of(b"alice"), [0, *range(2, MAX_ADDRESSES), 50])

    def test_bounded_in_all(self):
        """The account that has been away for the longest loses its oldest addresses."""
        self.add(5, b"alice", "alice ")
        self.add(10, b"bob", "bob ")
        self.known.add("alice 0", b"alice")
        self.add(8, b"carol", "carol ")
        self.assertEqual(len(self.known), 20)
        self.assertEqual(self.known_of(b"alice", "alice "), [0, 1, 2, 3, 4])
        self.assertEqual(self.known_of(b"bob", "bob "), list(range(3, 10)))
        self.assertEqual(self.known_of(b"carol", "carol "), list(range(8)))
        for number in range(20):
            self.known.add("shared", b"account %d" % number)
        self.assertEqual(self.known.accounts_at("shared"), 20)
        self.assertEqual(self.known._accounts, {"shared": 20})
        self.assertEqual(len(self.known._addresses), 20)
