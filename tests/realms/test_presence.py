"""
Who is logged in, and who hears of it.
"""

from typing import Any

from pbrealm import Arrival, CachingRealm, Departure, MindTrackingRealm, Reason, SessionEnded
from tests.avatars import Player
from tests.logs import log_entries
from tests.realms.cases import RealmTestCase


class PresenceTests(RealmTestCase):
    def test_arrivals_and_departures(self):
        """Subscribers hear of each that comes and goes, and which is the first and the last."""
        realm = MindTrackingRealm(CachingRealm(Player, clock=self.clock))
        events: list[Any] = []
        stop = realm.subscribe(events.append)
        a = self.session(realm)
        b = self.session(realm)
        a.end()
        b.end(Reason.SHUTTING_DOWN)
        self.assertEqual(
            events,
            [
                Arrival(a, first=True),
                Arrival(b, first=False),
                Departure(a, Reason.KICKED, last=False),
                Departure(b, Reason.SHUTTING_DOWN, last=True),
            ],
        )
        stop()
        stop()
        self.session(realm)
        self.assertEqual(len(events), 4)

    def test_subscribers_are_called_after_the_change(self):
        """What a subscriber asks the realm is true after the event.  Its failures are logged."""
        realm = MindTrackingRealm(CachingRealm(Player))
        entries = log_entries(self)
        seen = []
        realm.subscribe(lambda event: 1 / 0)
        realm.subscribe(lambda event: seen.append(len(realm.sessions("alice"))))
        self.session(realm).end()
        self.assertEqual(seen, [1, 0])
        # In full once, and then in a line.
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual([entry.count("Traceback") for entry in entries], [1, 0])

    def test_ended_at_arrival(self):
        """A login whose session ends as it arrives has failed."""
        realm = MindTrackingRealm(CachingRealm(Player))
        realm.subscribe(lambda event: isinstance(event, Arrival) and event.session.end())
        self.failureResultOf(self.request(realm), SessionEnded)

    def test_present(self):
        """Who is here, since when without interruption, in the order of arrival."""
        realm = MindTrackingRealm(CachingRealm(Player, clock=self.clock))
        alice = self.session(realm)
        self.clock.advance(60)
        bob = self.session(realm, "bob")
        self.clock.advance(60)
        again = self.session(realm)
        alice.end()
        self.assertEqual(
            [(p.avatar_id, p.since.timestamp(), p.sessions) for p in realm.present()],
            [("alice", 0, (again,)), ("bob", 60, (bob,))],
        )
        self.assertEqual(realm.presence("alice"), realm.present()[0])
        self.assertIsNone(realm.presence("carol"))
        again.end()
        back = self.session(realm)
        self.assertEqual(
            [(p.avatar_id, p.since.timestamp(), p.sessions) for p in realm.present()],
            [("bob", 60, (bob,)), ("alice", 120, (back,))],
        )
