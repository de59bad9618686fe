"""
The cache of avatars and states, whose clock is that of each session.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import CachingRealm, Session
from pbrealm.realms._avatar_cache import AvatarCache, CacheEntry
from pbrealm.realms._lifetimes import Lifetimes
from pbrealm.testing import MemoryServer
from tests.avatars import Player


class ClockTests(SynchronousTestCase):
    def hold(self, cache: AvatarCache, clock: Clock) -> CacheEntry:
        session = Session("alice", None, clock)
        entry: CacheEntry = self.successResultOf(Deferred.fromCoroutine(cache.hold(session)))
        return entry

    def test_two_caches(self) -> None:
        """The clock of one doesn't end the linger of the other."""
        clocks = [Clock(), Clock()]
        caches = [AvatarCache(str.upper, Lifetimes(), linger=10, max_idle=None) for _ in clocks]
        for cache, clock in zip(caches, clocks, strict=True):
            cache.release(self.hold(cache, clock), clock)
        clocks[0].advance(10)
        self.assertEqual([dict(cache.made) for cache in caches], [{}, {"alice": "ALICE"}])
        clocks[1].advance(10)
        self.assertEqual(dict(caches[1].made), {})

    def test_clock_of_the_session_that_releases(self) -> None:
        """Of sessions with different clocks, the last one's counts."""
        first, last = Clock(), Clock()
        cache = AvatarCache(str.upper, Lifetimes(), linger=10, max_idle=None)
        entries = [self.hold(cache, first), self.hold(cache, last)]
        cache.release(entries[0], first)
        cache.release(entries[1], last)
        first.advance(10)
        self.assertIn("alice", cache.made)
        last.advance(10)
        self.assertNotIn("alice", cache.made)
        self.assertEqual([first.getDelayedCalls(), last.getDelayedCalls()], [[], []])

    def test_two_realms_on_two_servers(self) -> None:
        """Realms without a clock, each by the clock of its server."""
        realms = [CachingRealm(Player, linger=5) for _ in range(2)]
        servers = [MemoryServer(realm) for realm in realms]
        for server in servers:
            client = server.connect()
            client.login("alice", "secret")
            client.drop()
        servers[1].advance(5)
        self.assertEqual([list(realm.avatars) for realm in realms], [["alice"], []])
        servers[0].advance(5)
        self.assertEqual(list(realms[0].avatars), [])
