"""
What an error holds that is sent as an object is handed out by the session that was called.
"""

from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm import CachingRealm, MindTrackingRealm, SharedDict
from pbrealm.client import ClientFactory
from pbrealm.testing import MemoryServer
from tests.server.revocation_cases import Counter, RevocationTestCase


class Found(pb.Error, pb.Copyable):
    """An error that is sent as an object."""

    def __init__(self, thing):
        super().__init__("found")
        self.thing = thing

    def getStateToCopy(self):
        return {"thing": self.thing}


class FoundCopy(pb.RemoteCopy, pb.Error):
    """The client's copy of it."""

    thing: Any


class Mishap(Exception, pb.Copyable):
    """The same, but the server logs it as unexpected."""

    def __init__(self, thing):
        super().__init__("mishap")
        self.thing = thing

    def getStateToCopy(self):
        return {"thing": self.thing}


pb.setUnjellyableForClass(Found, FoundCopy)
pb.setUnjellyableForClass(Mishap, FoundCopy)


class Thrower(pb.Avatar):
    """Raises what it is told to, in all ways that there are."""

    def __init__(self, name):
        self.counter = Counter()
        self.settings = SharedDict(name, {"volume": 1})
        self.error: type = Found
        self.later: list[Deferred[Any]] = []

    def fail(self, what):
        raise self.error(getattr(self, what))

    def wait(self):
        pending: Deferred[Any] = Deferred()
        self.later.append(pending)
        return pending

    def perspective_now(self, what):
        self.fail(what)

    def perspective_later(self, what):
        return self.wait().addCallback(lambda _: self.fail(what))

    async def perspective_coroutine(self, what):
        self.fail(what)

    async def perspective_coroutine_later(self, what):
        await self.wait()
        self.fail(what)

    @inlineCallbacks
    def perspective_generator(self, what):
        yield self.wait()
        self.fail(what)

    def perspective_thrower(self):
        return Room(self)

    def perspective_window(self):
        return Window()


class Room(pb.Referenceable):
    """A reference that fails."""

    def __init__(self, avatar):
        self.avatar = avatar

    def remote_now(self, what):
        self.avatar.fail(what)

    def remote_later(self, what):
        return self.avatar.perspective_later(what)


class Window(pb.Viewable):
    """A view that fails."""

    def view_now(self, avatar, what):
        avatar.fail(what)


METHODS = ("now", "later", "coroutine", "coroutine_later", "generator")


class ErrorTestCase(RevocationTestCase):
    """
    alice and bob, logged in over one connection.
    """

    def setUp(self):
        self.caching: Any = CachingRealm(Thrower)
        self.realm = MindTrackingRealm(self.caching)
        self.server = MemoryServer(self.realm)
        self.client = self.server.connect(ClientFactory())
        self.alice = self.client.login("alice", "secret")
        self.bob = self.client.login("bob", "secret")
        self.avatar: Any = self.caching.avatars["alice"]

    def begin(self, method, what, target=None):
        errors: list[Failure] = []
        answer = (target or self.alice).callRemote(method, what)
        answer.addCallbacks(self.fail, errors.append)
        self.server.flush()
        return errors

    def finish(self, errors):
        while self.avatar.later:
            self.avatar.later.pop().callback(None)
        self.server.flush()
        (error,) = errors
        return error

    def thing(self, method, what="counter", target=None):
        error = self.finish(self.begin(method, what, target)).value
        self.assertIsInstance(error, FoundCopy)
        return error.thing


class HeldByErrorsTests(ErrorTestCase):
    def test_reference(self):
        for method in METHODS:
            counter = self.thing(method)
            self.assertIsInstance(self.client.call(counter, "add"), int)
            self.kick()
            self.assert_revoked(counter, "add")
            self.alice = self.client.login("alice", "secret")

    def test_unexpected_error(self):
        self.avatar.error = Mishap
        for method in METHODS:
            counter = self.thing(method)
            self.kick()
            self.assert_revoked(counter, "add")
            self.alice = self.client.login("alice", "secret")
        self.flushLoggedErrors(Mishap)

    def test_live_copy(self):
        for method in METHODS:
            copy = self.thing(method, "settings")
            self.kick()
            self.avatar.settings["volume"] += 1
            self.server.flush()
            self.assertEqual(copy["volume"], self.avatar.settings["volume"] - 1)
            self.alice = self.client.login("alice", "secret")

    def test_by_references_and_views(self):
        """Their errors belong to whom they belong to."""
        room = self.client.call(self.alice, "thrower")
        window = self.client.call(self.alice, "window")
        counters = [
            self.thing("now", target=room),
            self.thing("later", target=room),
            self.thing("now", target=window),
        ]
        self.kick()
        for counter in counters:
            self.assert_revoked(counter, "add")

    def test_others_keep_theirs(self):
        counter = self.thing("coroutine", target=self.bob)
        self.kick()
        self.assertEqual(self.client.call(counter, "add"), 1)

    def test_fired_by_another_session(self):
        """Whoever's call has a Deferred fail, it isn't that session's error."""
        errors = self.begin("later", "counter")
        self.caching.avatars["bob"].perspective_fire = lambda: self.avatar.later.pop().callback(1)
        self.client.call(self.bob, "fire")
        counter = self.finish(errors).value.thing
        self.kick()
        self.assert_revoked(counter, "add")


class AfterTheEndTests(ErrorTestCase):
    """
    Calls that fail once their session has ended tell why, and hand nothing out.
    """

    def test_plain_failure(self):
        for method in METHODS[1:]:
            if method == "coroutine":
                continue
            for what in ("counter", "settings"):
                errors = self.begin(method, what)
                self.kick()
                error = self.finish(errors)
                self.assertTrue(error.check(Found), error)
                self.assertEqual(error.getErrorMessage(), "found")
                broker = self.client.server_broker
                self.assertEqual((len(broker._grants), len(broker._cache_grants)), (0, 0))
                self.assertEqual(broker.remotelyCachedObjects, {})
                self.alice = self.client.login("alice", "secret")

    def test_call_that_ends_its_session(self):
        def perspective_end(what):
            (session,) = self.realm.sessions("alice")
            session.end()
            self.avatar.fail(what)

        self.avatar.perspective_end = perspective_end
        error = self.finish(self.begin("end", "counter"))
        self.assertTrue(error.check(Found), error)
        self.assertEqual(error.getErrorMessage(), "found")

    def test_plain_data_still_passes(self):
        self.avatar.plain = {"a": [1]}
        errors = self.begin("later", "plain")
        self.kick()
        self.assertEqual(self.finish(errors).value.thing, {"a": [1]})


class RefusedLoginsTests(ErrorTestCase):
    """
    A login that is refused hands nothing out.
    """

    def test_error_of_the_realm(self):
        counter = Counter()

        def make(name):
            raise Found(counter)

        self.client = MemoryServer(CachingRealm(make)).connect(ClientFactory())
        errors: list[Failure] = []
        self.client.start_login("alice", "secret").addErrback(errors.append)
        self.client._server.flush()
        (error,) = errors
        self.assertTrue(error.check(Found), error)
        self.assertEqual(len(self.client.server_broker.localObjects), 1)

    def test_plain_data_passes(self):
        def make(name):
            raise Found(["why"])

        self.client = MemoryServer(CachingRealm(make)).connect(ClientFactory())
        errors: list[Failure] = []
        self.client.start_login("alice", "secret").addErrback(errors.append)
        self.client._server.flush()
        error: Any = errors[0].value
        self.assertEqual(error.thing, ["why"])


class UnsendableErrorsTests(ErrorTestCase):
    """
    An error that can't be sent as an object is sent as a plain failure.
    """

    def test_it_is_answered(self):
        self.avatar.odd = lambda: None
        self.avatar.long = b"x" * 700_000
        self.avatar.sequence = iter([1])
        for method in METHODS:
            for what in ("odd", "long", "sequence"):
                error = self.finish(self.begin(method, what))
                self.assertTrue(error.check(Found), error)
                self.assertEqual(error.getErrorMessage(), "found")
        self.assertTrue(self.client.connected)

    def test_text_that_cannot_be_sent(self):
        class Unreadable(Exception):
            def __str__(self):
                raise ValueError("no text")

        for error in (Unreadable(), ValueError("x" * 700_000)):
            self.avatar.fail = lambda _, why=error: Failure(why).raiseException()
            for method in METHODS:
                answered = self.finish(self.begin(method, "counter"))
                self.assertEqual(answered.getErrorMessage(), "the error can't be sent")
        self.assertTrue(self.client.connected)
        self.flushLoggedErrors()
