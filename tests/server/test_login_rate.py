"""
How fast clients may log in and out.
"""

from twisted.logger import formatEvent
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import (
    AnonymousRealm,
    CachingRealm,
    DisposableRealm,
    JournalRealm,
    Limits,
    LoginRefused,
    Reason,
    reason_of,
)
from pbrealm._server.login_rate import (
    LOGINS_AT_ONCE,
    LOGINS_PER_CONNECTION,
    SECONDS_PER_CROWD,
    LoginRate,
    OriginRates,
)
from pbrealm.testing import MemoryServer, make_portal
from tests.avatars import Player
from tests.logs import observe_log
from tests.server.cases import FromAnyHost, ServerTestCase


class LoginRateTests(SynchronousTestCase):
    def how_many(self, rate, now):
        for number in range(10 * LOGINS_AT_ONCE):
            try:
                rate.begin(now)
            except LoginRefused as why:
                self.assertIs(why.reason, Reason.BUSY)
                return number
        return None

    def test_at_once_and_later(self):
        rate = LoginRate(5)
        for now, count in (
            (5, LOGINS_AT_ONCE),
            (5.5, 0),
            (6, 1),
            (36, 30),
            (9999, LOGINS_AT_ONCE),
        ):
            self.assertEqual(self.how_many(rate, now), count)


class OriginRatesTests(SynchronousTestCase):
    def setUp(self):
        self.rates = OriginRates(Limits(connections_per_address=5, connections=3))

    def how_many(self, origin, now):
        for number in range(1000):
            try:
                self.rates.begin(origin, now)
            except LoginRefused as why:
                self.assertIs(why.reason, Reason.BUSY)
                return number
        return None

    def test_each_origin(self):
        at_once = 5 * LOGINS_PER_CONNECTION
        for origin, now, count in (
            ("a", 0, at_once),
            ("b", 0, at_once),
            ("a", SECONDS_PER_CROWD / 2, at_once // 2),
            ("b", SECONDS_PER_CROWD, at_once),
            (None, 0, None),
        ):
            self.assertEqual(self.how_many(origin, now), count)

    def test_bounded(self):
        """The one that has logged in least recently is forgotten."""
        for origin in ("a", "b", "c", "a", "d"):
            self.how_many(origin, 0)
        self.assertEqual(len(self.rates), 3)
        self.assertEqual([self.how_many(origin, 0) for origin in ("a", "c", "d")], [0, 0, 0])


class FromAddressTests(ServerTestCase):
    """Each login comes over a connection of its own."""

    LIMITS = {"connections_per_address": 5, "ping_interval": 0, "login_seconds": 0}

    def setUp(self):
        self.lines: list[str] = []
        guests = AnonymousRealm(CachingRealm(Player), DisposableRealm(Player))
        self.realm = JournalRealm(guests)
        portal = make_portal(self.realm, {"alice": "secret"})
        self.factory = FromAnyHost(portal, Limits(**self.LIMITS))
        self.server = MemoryServer(self.realm, factory=self.factory)
        observe_log(self, lambda event: self.lines.append(formatEvent(event)))

    def how_many(self, hosts, *credentials):
        """How many of many logins succeed, from one host after the other."""
        count = 0
        for number in range(100):
            self.factory.host = hosts[number % len(hosts)]
            client = self.server.connect()
            login = client.start_login(*credentials)
            login.addCallbacks(lambda _: True, lambda _: False)
            self.server.flush()
            count += self.successResultOf(login)
            client.drop()
            self.server.clients.clear()
        return count

    def test_guests(self):
        """They are counted by network, and those that are refused leave no line in the log."""
        at_once = 5 * LOGINS_PER_CONNECTION
        for networks in (
            [f"192.0.2.{number}" for number in range(30)],
            [f"2001:db8:1:{number}::1" for number in range(30)],
        ):
            self.lines.clear()
            self.assertEqual(self.how_many(networks), at_once)
            self.assertEqual(len(self.lines), 2 * at_once)
        self.assertEqual(self.how_many(["198.51.100.1"]), at_once)
        self.server.advance(SECONDS_PER_CROWD)
        self.assertEqual(self.how_many(["192.0.2.77"]), at_once)

    def test_accounts(self):
        """They are counted by address, and guests of the network don't count."""
        at_once = 5 * LOGINS_PER_CONNECTION
        self.how_many(["192.0.2.1"])
        self.assertEqual(self.how_many(["192.0.2.1"], "alice", "secret"), at_once)
        self.assertEqual(self.how_many(["192.0.2.2"], "alice", "secret"), at_once)

    def test_refused_with_a_reason_to_come_back(self):
        self.how_many(["192.0.2.1"])
        client = self.server.connect()
        self.assertIsNone(reason_of(self.refusal(client.start_login())))
        self.assertFalse(client.connected)


class LoggingInAndOutTests(ServerTestCase):
    def serve_guests(self):
        guests = AnonymousRealm(CachingRealm(Player), DisposableRealm(Player))
        client = self.serve(JournalRealm(guests), ping_interval=0)
        self.lines: list[str] = []
        observe_log(self, lambda event: self.lines.append(formatEvent(event)))
        return client

    def log_in_and_out(self, client):
        """The reason that a login is refused for, or None."""
        login = client.start_login()
        login.addCallbacks(lambda _: None, lambda why: reason_of(why) or why.type)
        self.server.flush()
        return self.successResultOf(login)

    def test_in_a_loop(self):
        """It's refused, and like after other refusals the connection is closed in the end."""
        client = self.serve_guests()
        for _ in range(LOGINS_AT_ONCE):
            self.assertIsNone(self.log_in_and_out(client))
        for _ in range(3):
            self.assertIs(self.log_in_and_out(client), Reason.BUSY)
        self.server.advance(0)
        self.assertFalse(client.connected)
        self.assertEqual(len(self.lines), 2 * LOGINS_AT_ONCE)

    def test_beside_another_login(self):
        """A login that stays is left alone, but makes the others no cheaper."""
        client = self.serve_guests()
        self.held = client.login()
        refused = [self.log_in_and_out(client) for _ in range(2 * LOGINS_AT_ONCE)]
        self.assertEqual(refused.count(None), LOGINS_AT_ONCE - 1)
        self.assertIs(refused[LOGINS_AT_ONCE], Reason.BUSY)
        self.assertLess(len(self.lines), 2 * LOGINS_AT_ONCE + 10)
        self.assertEqual(client.call(self.held, "greet"), "<1>hello guest#1")

    def test_all_day(self):
        """A client that does so once a second never notices."""
        client = self.serve_guests()
        for _ in range(3 * LOGINS_AT_ONCE):
            self.assertIsNone(self.log_in_and_out(client))
            self.server.advance(1)
