"""
What a session has handed out hands things out on behalf of that session.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.spread import pb
from zope.interface import implementer

from pbrealm import (
    AnonymousRealm,
    CachingRealm,
    DisposableRealm,
    IClientAware,
    MindTrackingRealm,
    Reason,
    SharedDict,
    current_session,
    reason_of,
)
from pbrealm.client import ClientFactory
from pbrealm.testing import MemoryServer, RecordingMind
from tests.avatars import Player
from tests.server.test_revocation import Counter, RevocationTestCase
from tests.session.test_enclosed import HandWrittenRealm


class Room(pb.Referenceable):
    """Hands out things by itself, in all ways that there are."""

    def __init__(self):
        self.counter = Counter()
        self.settings = SharedDict("room", {"open": 1})
        self.later = []
        self.sessions = []

    def remote_itself(self):
        self.sessions.append(current_session())
        return self

    def remote_counter(self):
        return self.counter

    def remote_counter_later(self):
        pending: Deferred[Any] = Deferred()
        self.later.append(pending)
        return pending

    async def remote_take_later(self, mind):
        await self.remote_counter_later()
        await mind.callRemote("take", self.counter)

    def remote_settings(self):
        return self.settings

    def remote_add(self):
        return self.counter.remote_add()


class Window(pb.Viewable):
    """A view that hands itself out."""

    def view_itself(self, avatar):
        return self

    def view_counter(self, avatar):
        return avatar.room.counter

    def view_add(self, avatar):
        return 1


@implementer(IClientAware)
class Host(pb.Avatar):
    """Gives its client a room, a window, and what is in the room."""

    def __init__(self, name):
        self.room = Room()
        self.window = Window()
        self.early = []
        self.received = []

    def attached(self, session):
        if session.mind is not None:
            for thing in self.early:
                session.mind.callRemote("take", thing, pbanswer=False)

    def detached(self, session, reason):
        """It keeps its rooms."""

    def perspective_room(self):
        return self.room

    def perspective_window(self):
        return self.window

    def perspective_later(self):
        return self.room.remote_counter_later()

    def perspective_settings(self):
        return self.room.settings

    def perspective_end(self, what):
        session = current_session()
        assert session is not None
        session.end()
        return getattr(self.room, what) if what else 5


class TransitiveTestCase(RevocationTestCase):
    """
    alice and a guest, logged in over one connection.
    """

    def setUp(self):
        self.caching: Any = CachingRealm(Host)
        self.realm = MindTrackingRealm(AnonymousRealm(self.caching, DisposableRealm(Player)))
        self.server = MemoryServer(self.realm)
        self.client = self.server.connect(ClientFactory())
        self.mind = RecordingMind()
        self.guest_mind = RecordingMind()
        self.alice = self.client.login("alice", "secret", self.mind)
        self.guest = self.client.login(mind=self.guest_mind)
        self.avatar: Any = self.caching.avatars["alice"]

    def taken(self, mind):
        self.server.flush()
        return [args[0] for method, args in mind.calls if method == "take"]


class GivenByReferencesTests(TransitiveTestCase):
    def setUp(self):
        super().setUp()
        self.room = self.client.call(self.alice, "room")

    def test_itself(self):
        """A method that returns its object doesn't make the reference last."""
        self.client.call(self.room, "itself")
        self.kick()
        self.assert_revoked(self.room, "add")

    def test_another(self):
        counter = self.client.call(self.room, "counter")
        self.assertEqual(self.client.call(counter, "add"), 1)
        self.kick()
        self.assert_revoked(counter, "add")

    def test_no_session_is_current(self):
        self.client.call(self.room, "itself")
        self.assertEqual(self.avatar.room.sessions, [None])

    def test_answer_that_comes_later(self):
        answer = self.room.callRemote("counter_later")
        self.server.flush()
        self.avatar.room.later.pop().callback(self.avatar.room.counter)
        counter = self.client.wait(answer)
        self.kick()
        self.assert_revoked(counter, "add")

    def test_answer_after_the_end(self):
        answer = self.room.callRemote("counter_later")
        self.server.flush()
        self.kick()
        self.avatar.room.later.pop().callback(self.avatar.room.counter)
        with self.assertRaises(pb.RemoteError) as caught:
            self.client.wait(answer)
        self.assertIs(reason_of(caught.exception), Reason.KICKED)

    def test_call_of_the_client_later(self):
        """A coroutine that the call has started hands out for the same session."""
        answer = self.room.callRemote("take_later", self.mind)
        self.server.flush()
        self.avatar.room.later.pop().callback(None)
        self.client.wait(answer)
        (counter,) = self.taken(self.mind)
        self.assertEqual(self.client.call(counter, "add"), 1)
        self.kick()
        self.assert_revoked(counter, "add")

    def test_live_copy(self):
        copy = self.client.call(self.room, "settings")
        self.kick()
        self.avatar.room.settings["open"] = 2
        self.server.flush()
        self.assertEqual(dict(copy), {"open": 1})

    def test_shared_with_another_session(self):
        """What two sessions have handed out goes on until the last of them ends."""
        guest = self.realm.sessions()[-1]
        guest.notify("take", self.avatar.room)
        self.server.flush()
        counter = self.client.call(self.room, "counter")
        self.kick()
        self.assertEqual(self.client.call(self.room, "add"), 1)
        self.assertEqual(self.client.call(counter, "add"), 2)


class GivenByViewsTests(TransitiveTestCase):
    def test_itself(self):
        window = self.client.call(self.alice, "window")
        self.client.call(window, "itself")
        self.kick()
        self.assert_revoked(window, "add")

    def test_another(self):
        counter = self.client.call(self.client.call(self.alice, "window"), "counter")
        self.kick()
        self.assert_revoked(counter, "add")


class GivenByLiveCopiesTests(TransitiveTestCase):
    def change(self):
        """Change a live copy outside of any call, to something that can be called."""
        copy = self.client.call(self.alice, "settings")
        self.avatar.room.settings["counter"] = self.avatar.room.counter
        self.server.flush()
        return copy

    def test_reference_in_a_change(self):
        counter = self.change()["counter"]
        self.assertEqual(self.client.call(counter, "add"), 1)
        self.kick()
        self.assert_revoked(counter, "add")

    def test_change_by_a_session_that_has_ended(self):
        """Its running calls still change what others have copies of."""
        (guest,) = (each for each in self.realm.sessions() if each.avatar_id != "alice")
        guest.notify("take", self.avatar.room.settings)
        self.avatar.perspective_end = lambda what: self.end_and_change()
        self.client.call(self.alice, "end", None)
        (copy,) = self.taken(self.guest_mind)
        self.assertEqual(self.client.call(copy["counter"], "add"), 1)

    def end_and_change(self):
        session = current_session()
        assert session is not None
        session.end()
        self.avatar.room.settings["counter"] = self.avatar.room.counter


class GivenToMindsTests(TransitiveTestCase):
    def test_while_attaching(self):
        self.avatar.early = [self.avatar.room, self.avatar.room.settings]
        self.kick()
        mind = RecordingMind()
        self.alice = self.client.login("alice", "secret", mind)
        room, copy = self.taken(mind)
        self.assertEqual(self.client.call(room, "add"), 1)
        self.kick()
        self.assert_revoked(room, "add")
        self.avatar.room.settings["open"] = 2
        self.server.flush()
        self.assertEqual(dict(copy), {"open": 1})

    def test_login_that_fails(self):
        """What was handed out by a login that was refused after all isn't the client's either."""
        self.kick()
        mind = RecordingMind()

        def attached(session):
            session.mind.callRemote("take", self.avatar.room.settings, pbanswer=False)
            raise RuntimeError("no")

        self.avatar.attached = attached
        with self.assertRaises(pb.RemoteError):
            self.client.login("alice", "secret", mind)
        self.flushLoggedErrors(RuntimeError)
        (copy,) = self.taken(mind)
        self.avatar.room.settings["open"] = 2
        self.server.flush()
        self.assertEqual(dict(copy), {"open": 1})

    def test_broadcast(self):
        """What a broadcast passes ends with the session that it was passed to."""
        counter = self.avatar.room.counter
        self.realm.notify("alice", "take", counter)
        (received,) = self.taken(self.mind)
        self.assertEqual(self.client.call(received, "add"), 1)
        self.kick()
        self.assert_revoked(received, "add")

    def test_broadcast_to_others(self):
        self.realm.broadcast("take", self.avatar.room.counter)
        (received,) = self.taken(self.guest_mind)
        self.kick()
        self.assertEqual(self.client.call(received, "add"), 1)

    def test_outside_of_any_session(self):
        """That the program sends an object by itself doesn't make a session's grant last."""
        room = self.client.call(self.alice, "room")
        (session,) = self.realm.sessions("alice")
        session.mind.callRemote("take", self.avatar.room, pbanswer=False)
        self.server.flush()
        self.kick()
        self.assert_revoked(room, "add")


class AnsweredAfterTheEndTests(TransitiveTestCase):
    """
    Calls that run when their session is ended get plain data, and nothing that lives on.
    """

    def answer(self, thing):
        answer = self.alice.callRemote("later")
        self.server.flush()
        self.kick()
        self.avatar.room.later.pop().callback(thing)
        return answer

    def assert_refused(self, thing):
        with self.assertRaises(pb.RemoteError) as caught:
            self.client.wait(self.answer(thing))
        self.assertIs(reason_of(caught.exception), Reason.KICKED)
        broker = self.client.server_broker
        self.assertEqual((len(broker._grants), len(broker._cache_grants)), (0, 0))
        self.assertEqual(broker.remotelyCachedObjects, {})

    def test_live_copy(self):
        settings = self.avatar.room.settings
        self.assert_refused(settings)
        self.assertEqual(len(settings._observers), 0)

    def test_reference(self):
        self.assert_refused([1, self.avatar.room])

    def test_view(self):
        self.assert_refused(self.avatar.window)

    def test_plain_data(self):
        self.assertEqual(self.client.wait(self.answer({"a": [1]})), {"a": [1]})

    def test_call_that_ends_its_session(self):
        for what in ("counter", "settings"):
            with self.assertRaises(pb.RemoteError) as caught:
                self.client.call(self.alice, "end", what)
            self.assertIs(reason_of(caught.exception), Reason.KICKED)
            self.alice = self.client.login("alice", "secret")
        self.assertEqual(self.client.call(self.alice, "end", None), 5)


class Mirror(pb.Cacheable):
    """Something of the client's, which the server has a copy of."""

    def __init__(self):
        self.observers = []

    def getStateToCacheAndObserveFor(self, perspective, observer):
        self.observers.append(observer)
        return {}


class Mirrored(pb.RemoteCache):
    """The server's copy: asked by the client, it hands out a counter."""

    counter = Counter()

    def observe_counter(self):
        return self.counter


pb.setUnjellyableForClass(Mirror, Mirrored)


class CopiesOfTheServerTests(TransitiveTestCase):
    """
    The client calls what the server has a live copy of, and was given through a session.
    """

    def setUp(self):
        super().setUp()
        self.avatar.perspective_take = self.avatar.received.append
        mirror = Mirror()
        self.client.call(self.alice, "take", mirror)
        (self.observer,) = mirror.observers

    def test_what_it_hands_out(self):
        counter = self.client.wait(self.observer.callRemote("counter"))
        self.assertEqual(type(counter), pb.RemoteReference)
        self.kick()
        self.assert_revoked(counter, "add")

    def test_id_of_another_type(self):
        """The client may call the object by an id that is only equal to its own."""
        broker = self.observer.broker
        luid = broker.cachedRemotelyAs(self.observer.cached)
        self.patch(broker, "cachedRemotelyAs", lambda *_: float(luid))
        self.test_what_it_hands_out()

    def test_calls_after_the_end(self):
        self.kick()
        with self.assertRaises(pb.RemoteError) as caught:
            self.client.wait(self.observer.callRemote("counter"))
        self.assertIs(reason_of(caught.exception), Reason.KICKED)


class EnclosedTests(TransitiveTestCase):
    """
    A hand-written realm between two of pbrealm's: two sessions, of which the inner one is called.
    """

    def test_live_copy(self):
        outer = MindTrackingRealm(HandWrittenRealm(self.realm))
        server = MemoryServer(outer)
        client = server.connect(ClientFactory())
        alice, bob = client.login("alice", "secret"), client.login("bob", "secret")
        copy = client.call(alice, "settings")
        (session,) = outer.sessions("alice")
        session.end()
        server.flush()
        self.avatar.room.settings["open"] = 2
        server.flush()
        self.assertEqual(dict(copy), {"open": 1})
        client.call(bob, "room")
