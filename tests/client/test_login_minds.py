"""
The minds that a service passes to the server.
"""

from typing import Any

from twisted.cred.portal import Portal
from twisted.internet.defer import inlineCallbacks
from twisted.spread import pb
from zope.interface import implementer

from pbrealm import (
    CachingRealm,
    IClientAware,
    NoMind,
    Reason,
    ServerFactory,
)
from pbrealm._session.goodbye import GOODBYE
from pbrealm.testing import RecordingMind
from tests.avatars import Player
from tests.client.cases import LoginServiceTestCase, checker


class Thing(pb.Referenceable):
    pass


class MindTests(LoginServiceTestCase):
    """
    What the server calls: the mind of the program, in each of the forms that it may have.
    """

    def setUp(self):
        self.serve()

    def kick(self):
        self.session.end(text="enough")
        self.server.flush()
        why = self.successResultOf(self.service.when_stopped())
        self.assertEqual(why.sentence, "enough")
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_same_name_as_the_server(self):
        self.assertEqual(GOODBYE, "goodbye")

    def test_none(self):
        """The server is told that there is none, for any other call."""
        self.start()
        answer = self.session.notify("news", 1)
        self.server.flush()
        failure = self.failureResultOf(answer)
        self.assertEqual(failure.type, b"pbrealm.errors.NoMind")
        self.assertIn(str(NoMind("the client passed no mind")), str(failure.value))
        self.kick()

    def test_remote_methods(self):
        class Mind(pb.Referenceable):
            heard: list[Any] = []

            def remote_news(self, *args):
                self.heard.append(args)
                return "thanks"

        self.start(mind=Mind())
        self.assertEqual(self.result(self.session.notify("news", 1)), "thanks")
        self.assertEqual(Mind.heard, [(1,)])
        # It has no remote_goodbye, which would be logged.
        self.kick()

    def test_goodbye_of_its_own(self):
        class Mind(pb.Referenceable):
            heard: list[Any] = []

            def remote_goodbye(self, code, text, reconnect):
                self.heard.append((code, text, reconnect))

        self.start(mind=Mind())
        self.kick()
        self.assertEqual(Mind.heard, [(5, "enough", False)])

    def test_failing_goodbye(self):
        class Mind(pb.Referenceable):
            def remote_goodbye(self, *args):
                raise ZeroDivisionError

        self.start(mind=Mind())
        self.session.end()
        self.server.flush()
        self.assertIs(self.successResultOf(self.service.when_stopped()).reason, Reason.KICKED)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_own_dispatch(self):
        """A mind may take all calls by a remoteMessageReceived of its own."""
        mind = RecordingMind("thanks")
        self.start(mind=mind)
        self.assertEqual(self.result(self.session.notify("news", 1)), "thanks")
        self.kick()
        self.assertEqual(mind.calls, [("news", (1,)), ("goodbye", (5, "enough", False))])

    def test_own_dispatch_with_a_reference_among_the_arguments(self):
        """What only has the name of a goodbye is a call like any other."""
        mind = RecordingMind("thanks")
        self.start(mind=mind)
        for args in ((), (1, 2, 3), ("5", "kicked", False), (5, "kicked", False, 1)):
            self.assertEqual(self.result(self.session.notify("goodbye", *args)), "thanks")
        self.assertEqual(self.result(self.session.notify("goodbye", Thing(), "", 1)), "thanks")
        self.assertEqual(len(mind.calls), 5)
        self.assertIsNotNone(self.service.perspective)

    def test_own_goodbye_of_another_object(self):
        """It's the mind's goodbye that counts."""
        other = RecordingMind("thanks")
        service = self.start()
        held = []
        Player.perspective_take = lambda self, it: held.append(it)  # type: ignore[attr-defined]
        self.addCleanup(delattr, Player, "perspective_take")
        self.result(service.call("take", other))
        called = held[0].callRemote("goodbye", 5, "kicked", False)
        self.assertEqual(self.result(called), "thanks")
        self.assertIsNotNone(service.perspective)

    def test_passed_back(self):
        """The server has a reference to the mind itself: passed back, it's the same object."""
        mind = RecordingMind()
        service = self.start(mind=mind)
        got = []

        def perspective_me(player, it):
            return [it is session.mind or it.luid == session.mind.luid, it]

        session = self.session
        Player.perspective_me = perspective_me  # type: ignore[attr-defined]
        self.addCleanup(delattr, Player, "perspective_me")
        same, back = self.result(service.call("me", mind))
        got.append(back)
        self.assertTrue(same)
        self.assertIs(back, mind)

    def test_called_before_the_login_is_answered(self):
        @implementer(IClientAware)
        class Greeting(Player):
            @inlineCallbacks
            def attached(self, session):
                self.answer = yield session.notify("hello")

            def detached(self, session, reason):
                pass

        self.serve(CachingRealm(Greeting))
        mind = RecordingMind("hi")
        self.start(mind=mind)
        self.assertEqual(self.session.avatar.answer, "hi")

    def test_other_name(self):
        """As the server's factory has it."""
        portal = Portal(self.realm, [checker(alice="secret")])
        self.server.restart(factory=ServerFactory(portal, goodbye="bye", clock=self.clock))
        self.start(goodbye="bye")
        self.kick()
