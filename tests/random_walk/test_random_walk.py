"""
A random walk over everything that can happen to logins, in any order.
"""

from hypothesis.stateful import invariant
from twisted.cred.error import UnauthorizedLogin
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._session.connection import has_sessions
from tests.examples import run_walks
from tests.random_walk.actions import LIMIT, NAMES, TOTAL, Actions, publisher
from tests.random_walk.avatars import KINDS


class Walk(Actions):
    """
    What holds after each step, and at the end.
    """

    @invariant()
    def tables_agree(self):
        if not hasattr(self, "realm"):
            return
        sessions = self.realm.sessions()
        slots = self.limited._slots
        assert all(session.ended is None for session in sessions)
        assert sum(session.ended is None for session in slots._all) <= TOTAL
        assert set(sessions) <= set(slots._all)
        for name in [*NAMES, "guest#1"]:
            assert len(slots.holders(name)) <= LIMIT
            assert set(self.realm.sessions(name)) == {s for s in sessions if s.avatar_id == name}

    @invariant()
    def every_attach_has_one_detach_at_most(self):
        for avatar in getattr(self, "avatars", ()):
            here = []
            for entry in avatar.history:
                if entry[0] == "attached":
                    assert entry[1] not in here
                    here.append(entry[1])
                else:
                    here.remove(entry[1])
                    assert entry[1].ended is entry[2]
            # Each session that is attached is open, or its login is about to succeed.
            assert all(session.ended is None for session in here)
            assert here == avatar.clients
            assert set(here) <= set(self.limited._slots._all)

    @invariant()
    def attaches_after_the_last_detach(self):
        for avatar in getattr(self, "avatars", ()):
            assert getattr(avatar, "too_early", []) == []

    @invariant()
    def retires_in_order(self):
        assert getattr(self, "wrong", []) == []

    def teardown(self):
        if not hasattr(self, "realm"):
            return
        closed = self.realm.close() if self.close_first else None
        for client in self.server.clients:
            client.drop()
        while self.slow.calls or self.attaching():
            for slow in [self.slow, *self.attaching()]:
                while slow.calls:
                    slow.finish()
        for avatar in self.avatars:
            for detaching in getattr(avatar, "detaching", ()):
                if not detaching.called:
                    detaching.callback(None)
        if closed is None:
            self.clock.advance(100)
            closed = self.realm.close()
        while self.retiring():
            self.retiring()[0].callback(None)
        assert closed.called
        self.clock.advance(100)
        assert self.wrong == []
        assert all(life.over for life in self.lives)
        assert all(avatar.life.retiring is not None for avatar in self.avatars)
        publisher.removeObserver(self.log)
        assert self.realm.sessions() == ()
        assert len(self.limited._slots) == 0
        assert not self.limited._slots._by_key
        assert not self.limited._queues._queues
        assert not self.realm._presence._by_id
        assert not any(has_sessions(client.server_broker) for client in self.server.clients)
        assert all(avatar.clients == [] for avatar in self.avatars)
        assert all(kept.holders == 0 for kept in self.caching._avatars._entries.values())
        assert set(self.caching.avatars) == set(self.caching._avatars._entries)
        assert self.clock.getDelayedCalls() == []
        assert all(report.called for report in self.reports)
        assert all(answer.called for answer in self.notified)
        unexpected = [
            failure for failure in self.logged if not failure.check(*KINDS, UnauthorizedLogin)
        ]
        assert unexpected == []


class WalkUnderPlainPB(Walk):
    """
    The same under Twisted's own factory, where a realm sees the connection of a mind only, and
    Twisted's broker fails at odd answers.
    """

    server_factory = pb.PBServerFactory
    always_a_mind = True


class WalkTests(SynchronousTestCase):
    def walk(self, machine):
        run_walks(machine, 100)
        self.flushLoggedErrors(*KINDS, UnauthorizedLogin)

    def test_walk(self):
        self.walk(Walk)

    def test_walk_under_plain_pb(self):
        self.walk(WalkUnderPlainPB)
