"""
Notifications are counted by what comes of them, while somebody asks.
"""

from __future__ import annotations

from typing import Any

from pbrealm import SlowClientPolicy
from pbrealm._delivery.outcomes import NOTIFICATIONS
from pbrealm.testing import FailingMind, RecordingMind, StallingMind
from tests.delivery.cases import BIG, BroadcastTestCase


class CountTests(BroadcastTestCase):
    def setUp(self) -> None:
        NOTIFICATIONS.begin()
        self.addCleanup(NOTIFICATIONS.end)

    def counts(self) -> dict[str, int]:
        counts: Any = NOTIFICATIONS.counts
        return {outcome: count for outcome, count in counts.items() if count}

    def test_broadcast(self) -> None:
        self.serve([RecordingMind(), RecordingMind(), FailingMind(), StallingMind(), None])
        self.realm.broadcast("news", 1)
        self.server.flush()
        # Of one that passed no mind, too.
        self.assertEqual(self.counts(), {"answered": 2, "failed": 2})
        self.server.advance(31)
        self.assertEqual(self.counts(), {"answered": 2, "failed": 2, "timed_out": 1})

    def test_broadcast_without_answers(self) -> None:
        self.serve([RecordingMind(), RecordingMind()])
        self.realm.broadcast("news", pbanswer=False)
        self.assertEqual(self.counts(), {"told": 2})

    def test_broadcast_that_nobody_can_get(self) -> None:
        self.serve([RecordingMind(), RecordingMind()])
        self.realm.broadcast("news", pbtimeout=-1)
        self.assertEqual(self.counts(), {"failed": 2})

    def test_broadcast_to_those_who_go(self) -> None:
        self.serve([StallingMind(), StallingMind()])
        self.realm.broadcast("news")
        self.clients[0].drop()
        self.assertEqual(self.counts(), {"gone": 1})

    def test_one(self) -> None:
        self.serve([RecordingMind(), FailingMind(), StallingMind()])
        for session in self.sessions:
            session.notify("news").addErrback(lambda _: None)
        self.server.flush()
        self.server.advance(31)
        self.assertEqual(self.counts(), {"answered": 1, "failed": 1, "timed_out": 1})

    def test_one_without_an_answer(self) -> None:
        self.serve([RecordingMind(), FailingMind(), None])
        for session in self.sessions:
            self.successResultOf(session.notify("news", pbanswer=False))
        self.assertEqual(self.counts(), {"told": 2, "failed": 1})

    def test_one_that_goes(self) -> None:
        self.serve([StallingMind()])
        (session,) = self.sessions
        self.failureResultOf(self.drop_at(session.notify("news")))
        self.failureResultOf(session.notify("news"))
        self.assertEqual(self.counts(), {"gone": 2})

    def drop_at(self, notification: Any) -> Any:
        self.clients[0].drop()
        return notification

    def test_dropped(self) -> None:
        self.serve(
            [RecordingMind()],
            soft_bytes=50_000,
            hard_bytes=50_000,
            when_slow=SlowClientPolicy.DROP_NEWEST,
        )
        self.clients[0].stop_reading()
        for _ in range(20):
            self.realm.broadcast("news", BIG)
        for _ in range(2):
            self.failureResultOf(self.sessions[0].notify("news", BIG))
        dropped = self.counts()["dropped"]
        self.assertGreater(dropped, 10)
        self.clients[0].start_reading()
        self.server.flush()
        self.assertEqual(self.counts(), {"answered": 22 - dropped, "dropped": dropped})


class AskingTests(BroadcastTestCase):
    def test_nobody(self) -> None:
        self.serve([RecordingMind()])
        self.realm.broadcast("news")
        self.sessions[0].notify("news")
        self.server.flush()
        self.assertIsNone(NOTIFICATIONS.counts)

    def test_several(self) -> None:
        """They are counted until the last doesn't ask any more."""
        NOTIFICATIONS.begin()
        NOTIFICATIONS.begin()
        counts: Any = NOTIFICATIONS.counts
        NOTIFICATIONS.end()
        self.assertIs(NOTIFICATIONS.counts, counts)
        NOTIFICATIONS.end()
        self.assertIsNone(NOTIFICATIONS.counts)
