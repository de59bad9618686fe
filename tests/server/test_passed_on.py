"""
What clients pass through a session: references to be called by, and what the session gave them.
"""

import gc
from typing import Any

from twisted.internet.defer import Deferred
from twisted.spread import pb

from pbrealm import CachingRealm, ClientSet, MindTrackingRealm, Reason, SharedDict, reason_of
from pbrealm.client import ClientFactory
from pbrealm.testing import MemoryServer, RecordingMind
from tests.server.revocation_cases import Counter, RevocationTestCase


class Score(pb.Viewable):
    """Something that clients get a view of."""

    def view_read(self, avatar):
        return avatar.name


class Member(pb.Avatar):
    """Hands things out, takes listeners, and passes on what it is given."""

    room: list[Any]
    later: list[Deferred[Any]]

    def __init__(self, name):
        self.name = name
        self.counter = Counter()
        self.score = Score()
        self.settings = SharedDict(name, {"volume": 1})
        self.kept: Any = None

    def perspective_get(self, what):
        return getattr(self, what)

    def perspective_join(self, listener):
        self.room.append((self, listener))

    def perspective_say(self):
        """Give each listener something of its own avatar, in a call of this one's session."""
        for avatar, listener in self.room:
            listener.callRemote("take", avatar.counter, pbanswer=False)
            listener.remoteMethod("take")(avatar.settings)

    async def perspective_say_later(self):
        pending: Deferred[None] = Deferred()
        self.later.append(pending)
        await pending
        self.perspective_say()

    def perspective_echo(self, thing):
        return [thing]

    async def perspective_echo_by_coroutine(self, thing):
        return [thing]

    def perspective_echo_later(self, thing):
        pending: Deferred[Any] = Deferred()
        self.later.append(pending)
        return pending.addCallback(lambda _: [thing])

    async def perspective_echo_later_by_coroutine(self, thing):
        await self.perspective_echo_later(thing)
        return [thing]

    def perspective_echo_to(self, listener, thing):
        listener.callRemote("take", thing, pbanswer=False)

    def perspective_refuse(self, thing):
        raise Refusal(thing)

    def perspective_keep(self, thing):
        self.kept = thing


class Refusal(pb.Error, pb.Copyable):
    """An error that is sent as an object."""

    def __init__(self, thing):
        super().__init__("no")
        self.thing = thing

    def getStateToCopy(self):
        return {"thing": self.thing}


class RefusalCopy(pb.RemoteCopy, pb.Error):
    """The client's copy of it."""

    thing: Any


pb.setUnjellyableForClass(Refusal, RefusalCopy)

ECHOES = ("echo", "echo_by_coroutine", "echo_later", "echo_later_by_coroutine")


class PassingTestCase(RevocationTestCase):
    """
    alice and bob, logged in over one connection.
    """

    def setUp(self):
        self.room: list[Any] = []
        self.later: list[Deferred[Any]] = []
        self.caching: Any = CachingRealm(self.make)
        self.realm = MindTrackingRealm(self.caching)
        self.server = MemoryServer(self.realm)
        self.client = self.server.connect(ClientFactory())
        self.listener = RecordingMind()
        self.alice = self.client.login("alice", "secret")
        self.bob = self.client.login("bob", "secret")

    def make(self, name):
        avatar = Member(name)
        avatar.room, avatar.later = self.room, self.later
        return avatar

    def avatar(self, name):
        return self.caching.avatars[name]

    def fire(self):
        while self.later:
            self.later.pop().callback(None)
        self.server.flush()

    def call(self, target, method, *args):
        answers: list[Any] = []
        target.callRemote(method, *args).addBoth(answers.append)
        self.server.flush()
        self.fire()
        (answer,) = answers
        if hasattr(answer, "raiseException"):
            answer.raiseException()
        return answer

    def taken(self, listener=None):
        self.server.flush()
        calls = (listener or self.listener).calls
        taken = [args[0] for _, args in calls]
        calls.clear()
        return taken

    def assert_no_changes(self, copy, name="alice"):
        self.avatar(name).settings["volume"] = 7
        self.server.flush()
        self.assertEqual(copy["volume"], 1)


class ListenersTests(PassingTestCase):
    """
    What a client is sent through a reference that it passed belongs to the session that it passed
    it to, whoever's call has it sent.
    """

    def setUp(self):
        super().setUp()
        self.client.call(self.alice, "join", self.listener)

    def assert_alices(self):
        counter, copy = self.taken()
        self.assertEqual(self.client.call(counter, "add"), 1)
        self.kick()
        self.assert_revoked(counter, "add")
        self.assert_no_changes(copy)

    def test_in_a_call_of_the_same_session(self):
        self.client.call(self.alice, "say")
        self.assert_alices()

    def test_in_a_call_of_another_session(self):
        self.client.call(self.bob, "say")
        self.assert_alices()

    def test_in_a_call_of_another_connection(self):
        other = self.server.connect(ClientFactory())
        other.call(other.login("bob", "secret"), "say")
        self.assert_alices()

    def test_later(self):
        self.call(self.bob, "say_later")
        self.assert_alices()

    def test_outside_of_any_call(self):
        self.avatar("bob").perspective_say()
        self.assert_alices()

    def test_in_a_set_of_clients(self):
        ((avatar, listener),) = self.room
        clients = ClientSet[Any](clock=self.server.clock)
        clients.add(listener)
        clients.notify("take", 5)
        self.assertEqual(self.taken(), [5])
        clients.notify("take", avatar.counter)
        clients.notify("take", avatar.settings)
        self.assert_alices()

    def test_the_end_of_the_caller(self):
        self.client.call(self.bob, "say")
        counter, copy = self.taken()
        self.kick("bob")
        self.assertEqual(self.client.call(counter, "add"), 1)
        self.avatar("alice").settings["volume"] = 2
        self.server.flush()
        self.assertEqual(copy["volume"], 2)

    def test_passed_to_another_session_too(self):
        """The same object of the client, passed twice, is two references to the server."""
        self.client.call(self.bob, "join", self.listener)
        self.client.call(self.bob, "say")
        counter, copy, bobs_counter, _ = self.taken()
        self.kick()
        self.assert_revoked(counter, "add")
        self.assert_no_changes(copy)
        self.assertEqual(self.client.call(bobs_counter, "add"), 1)

    def test_after_the_end(self):
        """Nothing is handed out any more; plain data still reaches the client."""
        self.kick()
        ((avatar, listener),) = self.room
        for send in (listener.callRemote, lambda name, *args: listener.remoteMethod(name)(*args)):
            for thing in (avatar.counter, avatar.settings, avatar.score):
                why = self.failureResultOf(send("take", thing))
                self.assertIs(reason_of(why.value), Reason.KICKED)
            send("take", 5)
            self.assertEqual(self.taken(), [5])

    def test_it_is_a_reference_like_any_other(self):
        ((_, listener),) = self.room
        self.assertIsInstance(listener, pb.RemoteReference)
        self.assertEqual(listener, pb.RemoteReference(None, listener.broker, listener.luid, 0))
        self.avatar("alice").kept = listener
        self.assertIs(self.client.call(self.alice, "get", "kept"), self.listener)

    def test_the_client_is_told_once(self):
        """That it isn't needed any more."""
        broker = self.client.broker
        self.assertEqual([each.object for each in broker.localObjects.values()], [self.listener])
        self.room.clear()
        self.server.flush()
        self.assertEqual(broker.localObjects, {})


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


class StoppedCopiesTests(PassingTestCase):
    """
    A live copy that has ended with its session can't be passed back.
    """

    def test_refused(self):
        copy = self.client.call(self.alice, "get", "settings")
        self.kick()
        with self.assertRaises(pb.RemoteError) as caught:
            self.client.call(self.bob, "keep", copy)
        self.assertIs(reason_of(caught.exception), Reason.KICKED)
        self.assertIsNone(self.avatar("bob").kept)
        # The exception's traceback refers to the copy.
        del copy, caught
        self.server.flush()
        self.assertEqual(self.client.server_broker.remotelyCachedObjects, {})

    def test_one_that_is_not_there(self):
        """It's the client's error, and in nobody's log."""
        copy = self.client.call(self.alice, "get", "settings")
        for luid in (99, [b"list"]):
            copy.jellyFor = lambda jellier, luid=luid: [b"lcache", luid]
            with self.assertRaises(pb.RemoteError) as caught:
                self.client.call(self.bob, "keep", copy)
            self.assertIn("Invalid Object ID", str(caught.exception))
