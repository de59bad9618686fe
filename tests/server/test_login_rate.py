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
    LoginRefused,
    Reason,
    reason_of,
)
from pbrealm._server.login_rate import LOGINS_AT_ONCE, LoginRate
from tests.avatars import Player
from tests.logs import observe_log
from tests.server.cases import ServerTestCase


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
