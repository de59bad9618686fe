"""
What constructors say to what can't be.
"""

from functools import partial

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet.task import Clock
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import (
    AnonymousRealm,
    Backlog,
    CachingRealm,
    ConnectionLimitedRealm,
    DisposableRealm,
    JournalRealm,
    MindTrackingRealm,
    PingOldest,
    ReplaceOldest,
    ServerFactory,
    ServerService,
    SharedStateRealm,
    WaitForRoom,
)
from tests.avatars import Player


class NoPerspective:
    """An avatar that isn't a perspective."""

    def __init__(self, name):
        pass


class ArgumentTests(SynchronousTestCase):
    def refused(self, sentence, make, *args, **kw):
        why = self.assertRaises(TypeError, make, *args, **kw)
        self.assertEqual(str(why), sentence)

    def test_realms(self):
        for make in (ConnectionLimitedRealm, MindTrackingRealm, JournalRealm):
            for wrong, said in (
                (Player, "the class tests.avatars.Player"),
                (CachingRealm, "the class pbrealm.realms._caching.CachingRealm"),
                (Player("alice"), "an object of type tests.avatars.Player"),
                (None, "None"),
            ):
                expected = f"realm must be a realm, such as CachingRealm(Player), not {said}"
                self.refused(expected, make, wrong)
        self.refused(
            "guests must be a realm, such as CachingRealm(Player), "
            "not the class tests.avatars.Player",
            *(AnonymousRealm, CachingRealm(Player), Player),
        )

    def test_factories(self):
        for make, args in (
            (CachingRealm, (Player("alice"),)),
            (DisposableRealm, (Player("alice"),)),
            (SharedStateRealm, (Player("alice"), dict)),
        ):
            expected = (
                "avatar_factory must be a class or a function, "
                "not an object of type tests.avatars.Player"
            )
            self.refused(expected, make, *args)
        expected = "state_factory must be a class or a function, not an object of type "
        self.refused(f"{expected}builtins.dict", SharedStateRealm, Player, {})

    def test_policies(self):
        realm = CachingRealm(Player)
        expected = "on_full must be a policy, such as ReplaceOldest(), not "
        for wrong, said in (
            (ReplaceOldest, "the class pbrealm.policies.ReplaceOldest"),
            ("replace", "an object of type builtins.str"),
        ):
            self.refused(expected + said, ConnectionLimitedRealm, realm, on_full=wrong)
        self.refused(
            "key must be a class or a function, not an object of type builtins.str",
            *(ConnectionLimitedRealm, realm),
            key="avatar_id",
        )

    def test_policy_without_waiting(self):
        class Policy:
            def make_room(self, newcomer, holders):
                pass

        why = self.assertRaises(
            TypeError, ConnectionLimitedRealm, CachingRealm(Player), on_full=Policy()
        )
        self.assertIn("is no policy without the attribute waiting", str(why))

    def test_server_factory(self):
        realm = CachingRealm(Player)
        self.refused(
            "portal must be a Portal, such as Portal(realm, [checker]), "
            "not an object of type pbrealm.realms._caching.CachingRealm",
            *(ServerFactory, realm),
        )
        self.refused(
            "portal must be a Portal, such as Portal(realm, [checker]), "
            "not the class twisted.cred.portal.Portal",
            *(ServerFactory, Portal),
        )
        portal = Portal(realm, [InMemoryUsernamePasswordDatabaseDontUse()])
        self.refused(
            "limits must be Limits(…), not an object of type builtins.dict",
            *(ServerFactory, portal, {}),
        )
        self.refused(
            "goodbye must be the name of a method or None, not ''",
            *(ServerFactory, portal),
            goodbye="",
        )

    def test_avatar_that_is_no_perspective(self):
        for realm in (CachingRealm(NoPerspective), MindTrackingRealm(CachingRealm(NoPerspective))):
            login = realm.requestAvatar("alice", None, pb.IPerspective)
            why = self.failureResultOf(login, NotImplementedError)
            self.assertEqual(
                str(why.value),
                "an object of type tests.test_arguments.NoPerspective is no perspective: "
                "make its class a subclass of pb.Avatar",
            )

    def test_too_large(self):
        """No number of seconds is too large for a timer, and no error too long."""
        factory = ServerFactory(Portal(CachingRealm(Player), []))
        for name, make in (
            ("soft_seconds", Backlog),
            ("unanswered", Backlog),
            ("stay", ReplaceOldest),
            ("timeout", PingOldest),
            ("timeout", WaitForRoom),
            ("waiting", WaitForRoom),
            ("linger", partial(CachingRealm, Player)),
            ("timeout", partial(MindTrackingRealm, CachingRealm(Player))),
            ("limit", partial(ConnectionLimitedRealm, CachingRealm(Player))),
            ("patience", partial(ServerService, "tcp:0", factory, reactor=Clock())),
        ):
            for number in (2**63, 10**400, 10**5000):
                why = self.assertRaises(ValueError, make, **{name: number})
                self.assertRegex(str(why), rf"^{name} must be [0-9]+ or less$")
