"""
What happens in each step of the last hour.
"""

from __future__ import annotations

from typing import Any

from tests.admin.admin_case import AdminTestCase


class RatesTests(AdminTestCase):
    """
    Logins, refusals and ends are counted for each step.
    """

    def rates(self) -> Any:
        return self.get("/api/rates")

    def refuse(self) -> None:
        login = self.server.connect().start_login("alice", "wrong")
        login.addErrback(lambda _: None)
        self.server.flush()

    def test_at_first(self) -> None:
        """The step that goes on isn't there yet."""
        self.log_in()
        self.assertEqual(
            self.rates(),
            {"step": 10, "times": [], "sessions": [], "logins": [], "refusals": [], "ends": {}},
        )

    def test_counts(self) -> None:
        # The clock is at the begin of a step.
        alice = self.log_in()
        self.log_in("bob")
        self.refuse()
        self.server.advance(10)
        alice.leave()
        self.realm.sessions()[0].end()
        self.server.advance(25)
        self.log_in("bob")
        self.server.advance(9)
        self.assertEqual(
            self.rates(),
            {
                "step": 10,
                "times": [
                    "2023-11-14T22:13:20.000Z",
                    "2023-11-14T22:13:30.000Z",
                    "2023-11-14T22:13:40.000Z",
                    "2023-11-14T22:13:50.000Z",
                ],
                "sessions": [2, 0, 0, 1],
                "logins": [2, 0, 0, 1],
                "refusals": [1, 0, 0, 0],
                "ends": {"disconnected": [0, 1, 0, 0], "kicked": [0, 1, 0, 0]},
            },
        )

    def test_an_hour(self) -> None:
        """Older steps are forgotten, those of a day in which nothing happened, too."""
        for name in ("alice", "bob"):
            self.log_in(name)
            self.server.advance(10)
        rates = self.rates()
        self.assertEqual(rates["logins"], [1, 1])
        self.server.advance(3590)
        rates = self.rates()
        self.assertEqual(len(rates["times"]), 360)
        self.assertEqual(rates["logins"], [1] + [0] * 359)
        self.assertEqual(rates["sessions"], [2] * 360)
        self.server.advance(24 * 3600)
        rates = self.rates()
        self.assertEqual(rates["logins"], [0] * 360)
        self.assertEqual(rates["sessions"], [2] * 360)
        self.log_in("carol")
        self.server.advance(24 * 3600)
        self.assertEqual(self.rates()["sessions"], [3] * 360)

    def test_bounded(self) -> None:
        """However much happens, there is no more than the steps."""
        for _ in range(40):
            self.log_in().leave()
            self.server.advance(120)
        rates = self.rates()
        each = [1] + [0] * 11
        self.assertEqual(rates["logins"], each * 30)
        self.assertEqual(rates["ends"], {"disconnected": each * 30})

    def test_clock_set_back(self) -> None:
        self.clock.rightNow -= 3600
        self.log_in()
        self.assertEqual(self.rates()["logins"], [])
        self.server.advance(3610)
        self.assertEqual(self.rates()["logins"], [1])

    def test_sessions_before(self) -> None:
        """A service that starts later knows how many sessions there are."""
        self.service.stopService()
        self.log_in()
        self.service.startService()
        self.server.advance(10)
        self.assertEqual(self.rates()["sessions"], [1])
        self.assertEqual(self.rates()["logins"], [0])
