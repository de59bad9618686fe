"""
What clients pass back of what a session gave them.
"""

import gc
from typing import Any

from twisted.spread import pb

from pbrealm import Reason, reason_of
from pbrealm.client import ClientFactory
from pbrealm.testing import RecordingMind
from tests.server.passing_cases import ECHOES, PassingTestCase, RefusalCopy


class PassedBackTests(PassingTestCase):
    """
    What a client passes back belongs to the session that gave it, whoever's call passes it on.
    """

    def get(self, what):
        return self.client.call(self.alice, "get", what)

    def test_reference(self):
        for method in ECHOES:
            counter = self.get("counter")
            (again,) = self.call(self.bob, method, counter)
            self.assertEqual(again, counter)
            self.client.call(again, "add")
            self.kick()
            self.assert_revoked(counter, "add")
            self.assert_revoked(again, "add")
            self.alice = self.client.login("alice", "secret")

    def test_view(self):
        for method in ECHOES:
            score = self.get("score")
            self.call(self.bob, method, {"all": [score]})
            self.kick()
            self.assert_revoked(score, "read")
            self.alice = self.client.login("alice", "secret")

    def test_live_copy(self):
        for method in ECHOES:
            copy = self.get("settings")
            self.call(self.bob, method, copy)
            self.kick()
            self.avatar("alice").settings["volume"] += 1
            self.server.flush()
            self.assertNotEqual(copy["volume"], self.avatar("alice").settings["volume"])
            self.alice = self.client.login("alice", "secret")

    def test_through_a_listener(self):
        counter = self.get("counter")
        self.client.call(self.bob, "echo_to", self.listener, counter)
        self.assertEqual(len(self.taken()), 1)
        self.kick()
        self.assert_revoked(counter, "add")

    def test_in_an_error(self):
        counter = self.get("counter")
        answer = self.bob.callRemote("refuse", counter)
        self.server.flush()
        self.assertIsInstance(self.failureResultOf(answer).value, RefusalCopy)
        self.kick()
        self.assert_revoked(counter, "add")

    def test_dropped_meanwhile(self):
        """A reference that the client drops before it gets it back is no new one."""
        for method in ECHOES[2:]:
            counter = self.get("counter")
            answer = self.bob.callRemote(method, counter)
            del counter
            self.server.flush()
            self.assertEqual(len(self.client.server_broker._grants), 0)
            self.fire()
            (again,) = self.client.wait(answer)
            self.kick()
            self.assert_revoked(again, "add")
            del again
            # The exception's traceback refers to it.
            gc.collect()
            self.alice = self.client.login("alice", "secret")

    def test_ended_meanwhile(self):
        for method in ECHOES[2:]:
            for what in ("counter", "settings", "score"):
                answer = self.bob.callRemote(method, self.get(what))
                self.server.flush()
                self.kick()
                self.fire()
                with self.assertRaises(pb.RemoteError) as caught:
                    self.client.wait(answer)
                self.assertIs(reason_of(caught.exception), Reason.KICKED)
                self.alice = self.client.login("alice", "secret")

    def test_the_end_of_the_caller(self):
        counter = self.get("counter")
        self.call(self.bob, "echo", counter)
        self.kick("bob")
        self.assertEqual(self.client.call(counter, "add"), 1)

    def test_handed_out_in_a_later_call(self):
        """What an avatar has kept, it may hand out anew."""
        for what, method in (("counter", "add"), ("score", "read")):
            thing = self.get(what)
            self.client.call(self.bob, "keep", thing)
            self.client.call(self.bob, "get", "kept")
            self.kick()
            self.client.call(thing, method)
            self.alice = self.client.login("alice", "secret")

    def test_call_within_a_call(self):
        """What a call was passed is known also once another one was handled meanwhile."""
        counter = self.get("counter")

        other = self.server.connect(ClientFactory())
        held = other.login("bob", "secret")

        def echo(thing):
            held.callRemote("keep", 5)
            other.server_broker.dataReceived(other._transport.getOutBuffer())
            self.assertEqual(self.avatar("bob").kept, 5)
            return thing

        self.avatar("bob").perspective_nested = echo
        self.assertEqual(self.client.call(self.bob, "nested", counter), counter)
        self.kick()
        self.assert_revoked(counter, "add")

    def test_next_call(self):
        """It isn't known to the next call, in the same packet."""
        counter = self.get("counter")
        self.avatar("bob").kept = self.avatar("alice").counter
        answers = [
            self.bob.callRemote("echo", counter),
            self.bob.callRemote("get", "kept"),
        ]
        for answer in answers:
            self.client.wait(answer)
        self.kick()
        self.assertEqual(self.client.call(counter, "add"), 1)

    def test_handed_out_by_a_call_that_was_not_passed_it(self):
        """Calls that run at the same time don't take part."""
        counter = self.get("counter")
        answer = self.bob.callRemote("echo_later", counter)
        self.server.flush()
        self.avatar("bob").kept = self.avatar("alice").counter
        self.client.call(self.bob, "get", "kept")
        self.fire()
        self.client.wait(answer)
        self.kick()
        self.assertEqual(self.client.call(counter, "add"), 1)

    def test_on_another_connection(self):
        """There it wasn't handed out before."""
        other = self.server.connect(ClientFactory())
        listener = RecordingMind()
        other.call(other.login("bob", "secret"), "join", listener)
        ((_, joined),) = self.room
        self.avatar("bob").perspective_give = lambda thing: joined.callRemote(
            "take", thing, pbanswer=False
        )
        self.client.call(self.bob, "give", self.get("counter"))
        (counter,) = self.taken(listener)
        self.kick()
        self.assertIsInstance(counter, pb.RemoteReference)

    def test_session_on_another_connection(self):
        """Only its own client gets a session: what others got by it would be bound to none."""
        other = self.server.connect(ClientFactory())
        listener = RecordingMind()
        other.call(other.login("bob", "secret"), "join", listener)
        ((_, joined),) = self.room
        failed: list[Any] = []
        avatar = self.avatar("bob")
        avatar.perspective_give = lambda thing: joined.callRemote("take", thing).addErrback(
            failed.append
        )
        self.client.call(self.bob, "give", self.alice)
        self.assertEqual(listener.calls, [])
        self.assertIn("another connection", str(failed[0].value))
        # On its own connection it may be passed around.
        self.assertIs(self.client.call(self.bob, "echo", self.alice)[0].broker, self.alice.broker)
