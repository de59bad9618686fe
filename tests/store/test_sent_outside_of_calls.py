"""
What is sent outside of all calls, and can't overtake what waits, is bounded as for a slow client.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.spread import pb

from pbrealm import Backlog, Reason, SharedDict, SlowClientPolicy
from pbrealm._delivery.queued_broker import MAX_HELD_BYTES
from pbrealm.client import SharedDictCopy
from pbrealm.errors import NotificationDropped, SessionEnded
from pbrealm.testing import RecordingMind
from tests.store.answer_cases import AnswersTestCase

BIG = b"x" * 100_000
# The other one that drops something also drops what is still on its way afterwards.
DROPPING = (SlowClientPolicy.DROP_NEWEST, SlowClientPolicy.DROP_OLDEST)


class OutsideTests(AnswersTestCase):
    """
    A client that is to be told something that isn't saved, and then much more.
    """

    policy = SlowClientPolicy.END

    def setUp(self) -> None:
        self.backlog = Backlog(soft_bytes=1_000_000, hard_bytes=1_000_000, when_slow=self.policy)
        super().setUp()
        self.broker = self.client.server_broker
        (session,) = self.realm.sessions()
        self.session: Any = session

    def tearDown(self) -> None:
        super().tearDown()
        # The program handles none of what fails with a session.
        self.flushLoggedErrors(SessionEnded, pb.PBConnectionLost, pb.DeadReferenceError)

    def wait(self) -> None:
        """Have something wait that the client is to be told."""
        self.start("tell", 0).addErrback(lambda _: None)

    def restart(self, policy: SlowClientPolicy) -> None:
        """Begin anew with a policy."""
        self.policy = policy
        self.setUp()
        self.wait()

    def send(self, count: int = 30) -> list[Deferred[Any]]:
        return [self.session.notify("told", number, BIG) for number in range(count)]

    def save_all(self) -> None:
        self.storage.release()
        self.server.advance(0)

    def dropped(self, sent: list[Deferred[Any]]) -> list[bool]:
        """Whether each was dropped."""
        found: list[Any] = []
        for each in sent:
            each.addBoth(found.append)
        return [isinstance(getattr(each, "value", None), NotificationDropped) for each in found]

    def test_counted(self) -> None:
        """It counts until it is sent."""
        self.wait()
        before = self.broker._held_bytes
        sent = self.send(5)
        self.assertGreater(self.broker._held_bytes, before + 5 * len(BIG))
        self.save_all()
        self.assertEqual(self.broker._held_bytes, 0)
        self.assertEqual([self.successResultOf(each) for each in sent], [None] * 5)
        self.assertEqual([args[0] for args in self.told()], [0, 0, 1, 2, 3, 4])

    def test_nothing_waits(self) -> None:
        """It is sent at once then, and doesn't count."""
        sent = self.send(5)
        self.assertEqual(self.broker._held_bytes, 0)
        self.server.flush()
        self.assertEqual([self.successResultOf(each) for each in sent], [None] * 5)

    def test_reading(self) -> None:
        """The client isn't read from while that much waits for it."""
        self.backlog = Backlog()
        AnswersTestCase.setUp(self)
        (self.session,) = self.realm.sessions()
        self.wait()
        for _ in range(MAX_HELD_BYTES // len(BIG) + 2):
            self.session.notify("told", BIG, pbanswer=False)
        answer = self.start("echo", 1)
        self.assertNoResult(answer)
        self.save_all()
        self.assertEqual(self.successResultOf(answer), 1)

    def test_end(self) -> None:
        """The client is too slow."""
        self.wait()
        sent = self.send()
        self.assertIs(self.session.ended, Reason.TOO_SLOW)
        self.assertLess(self.broker._held_bytes, 1_100_000)
        self.assertGreater(len(self.dropped(sent)), 20)
        self.save_all()
        self.assertEqual(self.broker._held_bytes, 0)

    def test_drop(self) -> None:
        """What comes last is dropped, or what has waited longest."""
        for policy in DROPPING:
            self.restart(policy)
            sent = self.send()
            self.assertLess(self.broker._held_bytes, 1_100_000)
            self.assertIsNone(self.session.ended)
            self.save_all()
            count = len(self.told()) - 1
            self.assertIn(count, (8, 9))
            kept = list(range(30))
            kept = kept[:count] if policy is SlowClientPolicy.DROP_NEWEST else kept[-count:]
            self.assertEqual([args[0] for args in self.told()], [0, *kept])
            found = self.dropped(sent)
            self.assertEqual(found, [number not in kept for number in range(30)])
            self.assertEqual(self.broker._held_bytes, 0)

    def test_calls(self) -> None:
        """They can't be dropped."""
        for policy in SlowClientPolicy:
            self.restart(policy)
            for number in range(30):
                self.session.mind.callRemote("told", number, BIG).addErrback(lambda _: None)
            self.assertIs(self.session.ended, Reason.TOO_SLOW)
            self.assertLess(self.broker._held_bytes, 1_100_000)
            self.save_all()
            self.assertEqual(self.broker._held_bytes, 0)

    def test_broadcasts(self) -> None:
        """Those who needn't wait get all of them."""
        for policy in DROPPING:
            self.restart(policy)
            mind = RecordingMind()
            bob = self.server.connect().login("bob", "s", mind)
            reports = []
            for number in range(30):
                reports.append(self.realm.broadcast("told", number, BIG))
                self.server.flush()
            self.assertEqual(len(mind.calls), 30)
            self.assertIsNone(self.session.ended)
            self.assertLess(self.broker._held_bytes, 1_100_000)
            self.save_all()
            found = [self.successResultOf(each) for each in reports]
            count = len(self.told()) - 1
            self.assertEqual(count, 9)
            told = slice(9) if policy is SlowClientPolicy.DROP_NEWEST else slice(21, 30)
            for each in found[told]:
                self.assertEqual((len(each.answered), each.dropped), (2, []))
            del found[told]
            for each in found:
                self.assertEqual((len(each.answered), each.dropped), (1, [self.session]))
            self.assertEqual(self.broker._held_bytes, 0)
            del bob

    def test_shared_dict(self) -> None:
        """A copy would be wrong for good without a change."""
        for policy in SlowClientPolicy:
            self.restart(policy)
            self.save_all()
            self.storage.hold()
            shared = SharedDict("room", clock=self.server.clock)
            self.session.notify("take", shared)
            self.server.flush()
            self.assertIsInstance(self.mind.calls[-1][1][0], SharedDictCopy)
            self.wait()
            for number in range(30):
                shared["a"] = bytes([number]) + BIG
            self.assertIs(self.session.ended, Reason.TOO_SLOW)
            self.save_all()
            self.assertEqual(self.broker._held_bytes, 0)
