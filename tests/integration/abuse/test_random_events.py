"""
After random events nothing is left on the server, under each policy.
"""

from __future__ import annotations

import gc
import hashlib
import os
import sys
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import TestCase

from pbrealm import IFullPolicy, PingOldest, Refuse, ReplaceOldest, Session, WaitForRoom
from tests.integration.abuse.abuse_case import LONG, VERBOSE
from tests.integration.abuse.random_events import RandomEvents
from tests.integration.waiting import wait_until_equal

EVENTS = int(os.environ.get("PBREALM_EVENTS", 10_000 if LONG else 300))
"""How many events to run for each policy."""

SEED = int(os.environ.get("PBREALM_SEED", "1"))

POLICIES: dict[str, Callable[[], IFullPolicy]] = {
    "refuse": Refuse,
    "replace": ReplaceOldest,
    "ping": lambda: PingOldest(2),
    "wait": lambda: WaitForRoom(5, waiting=2),
}


class RandomEventsTests(TestCase):
    timeout = 3600 if LONG else 600

    async def run_events(self, policy: str, count: int, seed: int = SEED) -> list[Any]:
        """
        Run random events, and check that nothing is left on the server.

        @return: the log.
        """
        events = RandomEvents(POLICIES[policy], seed)
        # The garbage collector drops references, so it must run at determined times.
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        # What there is by now needn't be looked at each time that garbage is collected.
        gc.freeze()
        self.addCleanup(gc.unfreeze)
        await events.open()
        await events.run(count)
        await events.close()
        log, sessions = events.log, events.sessions
        await self.check_nothing_is_left(events)
        if VERBOSE:
            digest = hashlib.sha256(repr(log).encode()).hexdigest()[:16]
            most = max(len(entry[-1][0]) for entry in log)
            print(
                f"\n{policy}: {count} events, {events.connections} clients, {sessions} sessions, "
                f"up to {most} at once; the log's digest is {digest}",
                file=sys.stderr,
            )
        self.assertGreater(sessions, count / 20)
        return log

    async def check_nothing_is_left(self, events: RandomEvents) -> None:
        events.clock.advance(1000)
        self.assertEqual(events.pending, 0)
        self.assertEqual(events.realm.sessions(), ())
        self.assertEqual(len(events.limited._slots), 0)
        self.assertEqual(events.limited._slots._by_key, {})
        self.assertEqual(events.limited._queues._queues, {})
        self.assertEqual(events.realm._presence._by_id, {})
        self.assertEqual(dict(events.caching.avatars), {})
        self.assertEqual(events.clock.getDelayedCalls(), [])
        state = events.factory._state
        assert state is not None
        counter = state.counter
        self.assertEqual(
            (counter._accepted, counter._explained, len(counter._by_origin)), (0, 0, 0)
        )
        for avatar in events.avatars:
            self.assertEqual(avatar.clients, [])
        self.assertEqual(self.flushLoggedErrors(), [])

        def brokers_and_sessions() -> list[str]:
            gc.collect()
            sessions = [thing for thing in gc.get_objects() if type(thing) is Session]
            # Their names only: the result must not keep them alive.
            return [
                *map(repr, events.all_brokers),
                *(repr(session) for session in sessions if session.avatar in events.avatars),
            ]

        # The reactor may still be in a call of the connection that closed last.
        await wait_until_equal(brokers_and_sessions, [])

    async def test_nothing_is_left_under_refuse(self) -> None:
        await self.run_events("refuse", EVENTS)

    async def test_nothing_is_left_under_replace_oldest(self) -> None:
        await self.run_events("replace", EVENTS)

    async def test_nothing_is_left_under_ping_oldest(self) -> None:
        await self.run_events("ping", EVENTS)

    async def test_nothing_is_left_under_wait_for_room(self) -> None:
        await self.run_events("wait", EVENTS)

    async def test_the_seed_determines_the_log(self) -> None:
        """Another seed leads to another log."""
        count = 1000 if LONG else 60
        for policy in POLICIES:
            first = await self.run_events(policy, count)
            self.assertEqual(first, await self.run_events(policy, count))
        self.assertNotEqual(first, await self.run_events(policy, count, seed=SEED + 1))
