"""
The end of what a realm has made: it is retired once, and the next one is made after that.
"""

import asyncio
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import formatEvent
from twisted.spread import pb
from zope.interface import implementer
from zope.interface.verify import verifyObject

from pbrealm import (
    CachingRealm,
    DisposableRealm,
    IRetirable,
    LoginRefused,
    MindTrackingRealm,
    Reason,
    SharedStateRealm,
)
from pbrealm.realms._lifetimes import LOGIN_WAIT, RETIRE_TIMEOUT
from tests.avatars import Player, Slow, SlowToAttach
from tests.logs import log_entries, observe_log
from tests.realms.mortals import RetireTestCase


class WhenTests(RetireTestCase):
    """
    When a realm retires what it lets go of.
    """

    def test_interface(self) -> None:
        verifyObject(IRetirable, self.make("alice"))

    def test_linger(self) -> None:
        self.serve(CachingRealm(self.make, linger=5))
        self.log_in().leave()
        self.server.advance(4)
        self.assertEqual(self.events, ["make alice"])
        self.server.advance(1)
        self.assertEqual(self.events, ["make alice", "retire alice"])

    def test_kept(self) -> None:
        """Without a bound, nothing is let go of."""
        self.serve(CachingRealm(self.make))
        self.log_in().leave()
        self.log_in().leave()
        self.assertEqual(self.events, ["make alice"])

    def test_cap(self) -> None:
        self.serve(CachingRealm(self.make, max_avatars=1))
        self.log_in("alice").leave()
        self.log_in("bob").leave()
        self.assertEqual(self.events, ["make alice", "make bob", "retire alice"])

    def test_cap_of_none(self) -> None:
        self.serve(CachingRealm(self.make, max_avatars=0))
        self.log_in().leave()
        self.assertEqual(self.events, ["make alice", "retire alice"])

    def test_evict(self) -> None:
        realm = self.serve(CachingRealm(self.make))
        self.log_in().leave()
        realm.evict("alice")
        self.assertEqual(self.events, ["make alice", "retire alice"])

    def test_evict_while_sessions_are_open(self) -> None:
        """They keep the avatar, which is retired once the last of them has ended."""
        realm = self.serve(CachingRealm(self.make))
        clients = [self.log_in(), self.log_in()]
        realm.evict("alice")
        clients[0].leave()
        newer = self.log_in()
        self.assertEqual(self.events, ["make alice"] * 2)
        clients[1].leave()
        self.assertEqual(self.events, ["make alice", "make alice", "retire alice"])
        self.assertIsNotNone(self.made[0].retiring)
        newer.leave()
        self.assertIs(realm.avatars["alice"], self.made[1])

    def test_evict_while_it_is_made(self) -> None:
        """It is retired if nobody waits for it, or else once those who did have left."""
        for leaves in (True, False):
            slow = Slow(self.make)
            realm = self.serve(CachingRealm(slow))
            client, login = self.start_login()
            login.addErrback(lambda _: None)
            realm.evict("alice")
            if leaves:
                client.leave()
            slow.finish()
            self.server.flush()
            if not leaves:
                self.assertIsNone(self.made[-1].retiring)
                client.leave()
            self.assertIsNotNone(self.made[-1].retiring)

    def test_after_detached(self) -> None:
        """Never while a session is on it, if only to detach."""

        @implementer(IRetirable)
        class Avatar(SlowToAttach):
            def retire(self, events: list[str] = self.events) -> None:
                events.append("retire")

        realm = self.serve(CachingRealm(Avatar, linger=0))
        client, _ = self.start_login()
        (avatar,) = realm.avatars.values()
        avatar.attaching.finish()
        self.server.flush()
        client.leave()
        self.assertEqual(self.events, [])
        avatar.detaching.pop().callback(None)
        self.assertEqual(self.events, ["retire"])

    def test_disposable(self) -> None:
        self.serve(DisposableRealm(self.make))
        one, two = self.log_in(), self.log_in()
        one.leave()
        self.assertEqual(self.events, ["make alice", "make alice", "retire alice"])
        self.assertIsNotNone(self.made[0].retiring)
        two.leave()
        self.assertIsNotNone(self.made[1].retiring)

    def test_end_waits(self) -> None:
        """The end of the session that lets go of it is complete when it has retired."""
        for find in (DisposableRealm(self.make), CachingRealm(self.make, linger=0)):
            realm = self.serve(MindTrackingRealm(find))
            self.held = self.log_in()
            (session,) = realm.sessions()
            over = session.end()
            self.server.advance(5)
            self.assertNoResult(over)
            self.retired()
            self.successResultOf(over)

    def test_made_too_late(self) -> None:
        """What is made when its client has left is retired, too; a failed creation isn't."""
        for realm in (
            DisposableRealm,
            lambda make: CachingRealm(make, linger=0),
            lambda make: SharedStateRealm(make, self.make_state, linger=0),
        ):
            self.events.clear()
            slow = Slow(self.make)
            self.serve(realm(slow))
            client, login = self.start_login()
            login.addErrback(lambda _: None)
            client.leave()
            slow.finish()
            self.retired()
            self.assertEqual(
                [event for event in self.events if "state" not in event],
                ["make alice", "retire alice"],
            )

    def test_states(self) -> None:
        """Avatars retire at the end of their sessions, and after the last, the state does."""
        self.serve(SharedStateRealm(self.make, self.make_state, linger=0))
        one, two = self.log_in(), self.log_in()
        one.leave()
        two.leave()
        self.assertEqual(
            self.events, ["make alice's state", *["make alice"] * 2, *["retire alice"] * 2]
        )
        self.retired(1)
        self.assertEqual(len(self.events), 5)
        self.retired(2)
        self.assertEqual(self.events[5:], ["retire alice's state"])

    def test_state_without_an_avatar(self) -> None:
        """A state whose avatar fails to be made is retired; the avatar was never there."""

        def fail(name: str, state: object) -> None:
            raise LoginRefused("not today")

        self.serve(SharedStateRealm(fail, self.make_state, linger=0))
        _, login = self.start_login()
        self.failureResultOf(login)
        self.assertEqual(self.events, ["make alice's state", "retire alice's state"])

    def test_failed_creation(self) -> None:
        slow = Slow()
        self.serve(CachingRealm(slow, linger=0))
        _, login = self.start_login()
        slow.fail(LoginRefused("not today"))
        self.server.flush()
        self.failureResultOf(login)
        self.assertEqual(self.events, [])


class NextTests(RetireTestCase):
    """
    The next avatar of an avatar id is made when the last one has retired.
    """

    def test_login_waits(self) -> None:
        finds: list[Any] = [
            CachingRealm(self.make, linger=0),
            DisposableRealm(self.make),
            SharedStateRealm(self.make, lambda name: [], linger=0),
            SharedStateRealm(lambda name, state: Player(name), self.make, linger=0),
        ]
        for find in finds:
            self.events.clear()
            self.serve(find)
            self.log_in().leave()
            logins = [self.start_login()[1] for _ in range(2)]
            self.assertEqual(self.events, ["make alice", "retire alice"])
            self.retired()
            for login in logins:
                self.successResultOf(login)
            self.assertEqual(self.events[:3], ["make alice", "retire alice", "make alice"])

    def test_others_do_not_wait(self) -> None:
        self.serve(CachingRealm(self.make, linger=0))
        self.log_in().leave()
        self.held = self.log_in("bob")

    def test_it_does_not_wait_for_ever(self) -> None:
        """The login is refused, and the client is to come back."""
        self.serve(CachingRealm(self.make, linger=0, clock=Clock()))
        self.log_in().leave()
        login = self.realm.requestAvatar("alice", None, pb.IPerspective)
        self.server.advance(LOGIN_WAIT - 0.1)
        self.assertNoResult(login)
        self.server.advance(0.2)
        why = self.failureResultOf(login, LoginRefused)
        self.assertIs(why.value.reason, Reason.BUSY)
        self.retired()
        self.held = self.log_in()
        self.assertEqual(self.events, ["make alice", "retire alice", "make alice"])

    def test_client_that_leaves_while_it_waits(self) -> None:
        self.serve(CachingRealm(self.make, linger=0))
        self.log_in().leave()
        client, login = self.start_login()
        login.addErrback(lambda _: None)
        client.leave()
        self.retired()
        self.assertEqual(self.events, ["make alice", "retire alice"])
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_evicted_one_of_two(self) -> None:
        """A login isn't kept waiting by what was evicted while there is a newer avatar."""
        realm = self.serve(CachingRealm(self.make))
        old = self.log_in()
        realm.evict("alice")
        self.held = [self.log_in()]
        old.leave()
        self.assertIsNotNone(self.made[0].retiring)
        self.held.append(self.log_in())
        self.assertEqual(len(self.made), 2)


class FailureTests(RetireTestCase):
    """
    What fails to retire is logged in one line, and is over.
    """

    def serve_failing(self, retire: Any) -> list[str]:
        @implementer(IRetirable)
        class Failing(Player):
            def retire(self) -> Any:
                return retire()

        self.serve(CachingRealm(Failing, linger=0))
        entries = log_entries(self)
        self.log_in().leave()
        return [entry for entry in entries if "retire" in entry]

    def assert_logged(self, entries: list[str], expected: str) -> None:
        (entry,) = entries
        self.assertRegex(entry, expected)
        self.assertEqual(entry.count("\n"), 1)

    def test_raised(self) -> None:
        for kind in (
            ZeroDivisionError,
            asyncio.CancelledError,
            GeneratorExit,
            SystemExit,
            KeyboardInterrupt,
        ):
            for asynchronous in (False, True):

                def fail(kind: Any = kind) -> None:
                    raise kind("\x1b[31mno\nspace")

                async def fail_later(fail: Any = fail) -> None:
                    fail()

                entries = self.serve_failing(fail_later if asynchronous else fail)
                self.assert_logged(
                    entries,
                    r"retire of alice failed at test_retire.py:\d+ in fail: "
                    rf"{kind.__name__}: \\x1b\[31mno\\nspace\n",
                )
                self.held = self.log_in()

    def test_lines_are_bounded(self) -> None:
        """A user who logs in and out doesn't fill the log."""

        @implementer(IRetirable)
        class Failing(Player):
            def retire(self) -> None:
                raise ZeroDivisionError

        self.serve(DisposableRealm(Failing))
        entries = log_entries(self)
        for _ in range(80):
            self.log_in().leave()
        lines = [entry for entry in entries if "retire" in entry]
        self.assertEqual(len(lines), 61)

    def test_never_done(self) -> None:
        """It's cancelled in the end, and the next one is made."""
        cancelled: list[Any] = []
        entries: list[str] = []
        observe_log(self, lambda event: entries.append(formatEvent(event)))
        self.assertEqual(self.serve_failing(lambda: Deferred(cancelled.append)), [])
        self.server.advance(RETIRE_TIMEOUT - 0.1)
        self.assertEqual(cancelled, [])
        self.server.advance(0.1)
        self.assertEqual(len(cancelled), 1)
        self.assertEqual(entries, ["retire of alice is not done within 60 seconds"])
        self.held = self.log_in()

    def test_what_does_not_let_itself_be_cancelled(self) -> None:
        async def stubborn() -> None:
            try:
                await Deferred()
            except CancelledError:
                await Deferred()

        def fail(_: object) -> None:
            raise ZeroDivisionError

        retires: list[Any] = [stubborn, lambda: Deferred(fail)]
        for retire in retires:
            self.serve_failing(retire)
            self.server.advance(RETIRE_TIMEOUT)
            self.held = self.log_in()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_avatar_without_retire(self) -> None:
        """It says more than is true."""

        @implementer(IRetirable)
        class Careless(Player):  # type: ignore[misc]  # what is missing is tested
            pass

        self.serve(CachingRealm(Careless, linger=0))
        entries = log_entries(self)
        self.log_in().leave()
        self.assert_logged(
            [entry for entry in entries if "retire" in entry],
            "retire of alice failed .*AttributeError: 'Careless' object has no attribute 'retire'",
        )

    def test_undeclared_interface_is_warned_of_once(self) -> None:
        class Undeclared(Player):
            def retire(self) -> None:
                raise AssertionError("it doesn't provide the interface")

        self.serve(DisposableRealm(Undeclared))
        entries = log_entries(self)
        for _ in range(2):
            self.log_in().leave()
        (warning,) = [entry for entry in entries if "IRetirable" in entry]
        self.assertIn(
            "Undeclared has retire, but doesn't provide IRetirable, so it isn't", warning
        )
