"""
What a client without a login can cost: little, whatever it sends.
"""

import time
import tracemalloc
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.cred.credentials import Anonymous
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, formatEvent
from twisted.spread import banana, pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import (
    AnonymousLogin,
    CachingRealm,
    ILoginClient,
    ILoginMethod,
    Login,
    LoginChallenge,
    LoginRefused,
    MindTrackingRealm,
    PasswordLogin,
    ServerFactory,
)
from pbrealm._server.login_request import count_arguments, decode_arguments
from pbrealm.testing import MemoryServer, make_portal
from tests.avatars import Player
from tests.examples import examples
from tests.logs import observe_log
from tests.server.cases import ServerTestCase

KB = 1024
NO_KEYWORDS = [b"dictionary"]


def call(*args, method=b"login", target=b"root", kw=NO_KEYWORDS, answer=1, request=1):
    """The bytes of a call of a client."""
    return banana.encode([b"message", request, target, method, answer, [b"tuple", *args], kw])


class LogTestCase(SynchronousTestCase):
    """
    Counts the characters that are logged.
    """

    def setUp(self) -> None:
        super().setUp()
        self.logged: list[str] = []
        observe_log(self, self._observe)

    def _observe(self, event: LogEvent) -> None:
        failure = event.get("log_failure")
        text = formatEvent(event) or ""
        self.logged.append(text + (failure.getTraceback() if failure is not None else ""))

    def log_bytes(self):
        return sum(map(len, self.logged))


def colliding(count):
    """Integers with one hash."""
    return [number * (2**61 - 1) for number in range(1, count + 1)]


def repeated(length, times):
    """A long string, and many references back to it."""
    text = [b"reference", 1, b"x" * length]
    return [b"list", text, *([[b"dereference", 1]] * times)]


def doubling(depth):
    """Tuples in tuples, each of which contains the last one twice."""
    parts = [[b"reference", 0, [b"tuple", 1, 2]]]
    for number in range(1, depth):
        below = [b"dereference", number - 1]
        parts.append([b"reference", number, [b"tuple", below, below]])
    return [b"list", *parts, [b"set", [b"dereference", depth - 1]]]


ATTACKS = {
    "wrong number of arguments": call(b"a", b"b", b"x" * 12 * KB),
    "repeated string": call(repeated(12 * KB, 500)),
    "repeated string in wrong arguments": call(repeated(12 * KB, 300), 1, 2),
    "colliding integers": call([b"set", *colliding(500)]),
    "colliding keys": call(kw=[b"dictionary", *([n, 1] for n in colliding(500))]),
    "colliding tuples": call(
        [b"list", [b"reference", 1, [b"tuple", *colliding(50)]]]
        + [[b"set", [b"tuple", [b"dereference", 1], n]] for n in colliding(50)]
    ),
    "doubling": call(doubling(40)),
    "many remotes": call(*([b"remote", n] for n in range(400))),
    "long integer": call(2**400),
    "unknown method": call(method=b"m" * 12 * KB),
    "method with control characters": call(method=b"\x1b[2J\r\n" * 100),
    "unknown target": call(target=b"t" * 12 * KB),
    "no message": banana.encode([b"x" * 12 * KB, 1]),
    "other commands": banana.encode([b"cachemessage", 1, 1, b"x", 1, [b"tuple"], NO_KEYWORDS]),
    "answer to nothing": banana.encode([b"answer", 7, b"x" * 12 * KB]),
    "error to nothing": banana.encode([b"error", 7, [b"None"]]),
    "nested lists": b"\x01\x80" * 6000,
    "wide lists": b"\x7f\x80" * 6000,
    "empty lists": b"\x00\x80" * 6000,
    "small numbers": b"\x01\x81" * 6000,
}


class BudgetTests(LogTestCase, ServerTestCase):
    """
    Each attack over and over, as far as a connection lets it.
    """

    def attack(self, data, chunk=64 * KB):
        """
        Send 64 KB.

        @return: seconds of CPU, bytes of memory, and characters of log.
        """
        client = self.serve()
        broker = client.server_broker
        data = (data * (64 * KB // len(data) + 1))[: 64 * KB]
        self.logged.clear()
        tracemalloc.start()
        before = time.process_time()
        sent = 0
        while sent < len(data) and not broker.transport.disconnecting:
            broker.dataReceived(data[sent : sent + chunk])
            sent += chunk
        seconds = time.process_time() - before
        memory = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        client.drop()
        return seconds, memory, self.log_bytes()

    def test_attacks(self):
        """
        64 KB cost no more than a MB of memory and 4 KB of log, and little time.

        The measurement of memory makes everything several times slower, so the bound on time is
        for finding what isn't proportional to the bytes.
        """
        for name, data in ATTACKS.items():
            for chunk in (64 * KB, 1000):
                seconds, memory, log = self.attack(data, chunk)
                self.assertLess(seconds, 2, name)
                self.assertLess(memory, 1024 * KB, name)
                self.assertLess(log, 4 * KB, name)
                self.assertEqual(self.flushLoggedErrors(), [], name)

    def test_bytes_one_by_one(self):
        """A chunk counts for more than its bytes, so that there are only so many."""
        client = self.serve()
        broker = client.server_broker
        chunks = 0
        while not broker.transport.disconnecting:
            broker.dataReceived(b"\x01")
            chunks += 1
            self.assertLess(chunks, 2000)

    def test_what_is_logged_is_escaped(self):
        """Control characters of a name don't reach the log."""
        client = self.serve()
        name = b"\x1b[31mroot\r\nlogin of alice from 1.2.3.4: session 7" + b"x" * 900
        self.assertRaises(pb.RemoteError, client.login, name.decode(), "wrong")
        self.assertTrue(self.logged)
        for line in self.logged:
            self.assertTrue(line.isprintable(), line)
            self.assertLess(len(line), 600)


class Again(LoginChallenge):
    """A challenge that leads to another, whatever is responded."""

    def remote_respond(self, *args: Any) -> Any:
        return b"challenge", Again()


@implementer(ILoginMethod)
class AnyArguments:
    """A login method that takes any arguments, and does something for most."""

    name = "ask"

    def begin(self, client: ILoginClient, *args: Any) -> Any:
        match args:
            case ():
                raise LoginRefused("x" * 10_000)
            case (bytes(),):
                return args[0], Again()
            case (str(),):
                return Deferred()
            case (int(),):
                raise UnauthorizedLogin("\r\n" * 10_000)
        return Login(Anonymous(), args[0])


class GeneratedTests(LogTestCase):
    """
    Random messages, built from what makes messages expensive.
    """

    jelly = st.recursive(
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from(colliding(20)),
            st.integers(-(2**70), 2**70),
            st.floats(allow_nan=False),
            st.just([b"None"]),
            st.builds(lambda n: [b"dereference", n], st.integers(0, 5)),
            st.builds(lambda n: [b"remote", n], st.integers(0, 5)),
            st.builds(lambda n: b"x" * n, st.integers(0, 3000)),
        ),
        lambda inner: st.one_of(
            st.builds(
                lambda kind, items: [kind, *items],
                st.sampled_from([b"tuple", b"list", b"set", b"frozenset", b"unicode", b"cached"]),
                st.lists(inner, max_size=8),
            ),
            st.builds(
                lambda items: [b"dictionary", *([a, b] for a, b in items)],
                st.lists(st.tuples(inner, inner), max_size=5),
            ),
            st.builds(lambda n, item: [b"reference", n, item], st.integers(0, 5), inner),
        ),
        max_leaves=30,
    )

    @settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=examples(60))
    @given(st.data())
    def test_random_calls(self, data):
        realm = MindTrackingRealm(CachingRealm(Player))
        methods = [PasswordLogin(), AnonymousLogin(), AnyArguments()]
        portal = make_portal(realm, {}, anonymous=False)
        factory = ServerFactory(portal, login_methods=methods)
        server = MemoryServer(realm, factory=factory)
        client = server.connect()
        broker = client.server_broker
        self.logged.clear()
        messages = []
        for _ in range(data.draw(st.integers(1, 12))):
            args = data.draw(st.lists(self.jelly, max_size=3))
            method = data.draw(
                st.sampled_from([b"login", b"respond", b"loginAnonymous", b"ask", b"x"])
            )
            target = data.draw(st.sampled_from([b"root", b"root", 1, 2]))
            kw = data.draw(st.one_of(st.just(NO_KEYWORDS), self.jelly))
            answer = data.draw(st.sampled_from([0, 1]))
            messages.append(call(*args, method=method, target=target, kw=kw, answer=answer))
        sent = b"".join(messages)
        before = time.process_time()
        broker.dataReceived(sent)
        seconds = time.process_time() - before
        server.clock.advance(100)
        # Ten times the budget, for a machine that is busy with other things.
        self.assertLess(seconds, 0.2 + 0.003 * len(sent) / KB)
        self.assertLess(self.log_bytes(), 4 * KB)
        self.assertEqual(self.flushLoggedErrors(), [])
        client.drop()


class DecodeTests(ServerTestCase):
    def test_what_a_login_needs(self):
        client = MemoryServer(CachingRealm(Player)).connect()
        broker = client.server_broker
        args = [b"tuple", b"name", [b"unicode", "né".encode()], [b"None"], 5, [b"remote", 1]]
        self.assertEqual(count_arguments(args, NO_KEYWORDS), 5)
        name, text, nothing, number, mind = decode_arguments(broker, args)
        self.assertEqual((name, text, nothing, number), (b"name", "né", None, 5))
        self.assertIs(type(mind), pb.RemoteReference)
        self.assertIs(mind.broker, broker)

    def test_everything_else(self):
        broker = MemoryServer(CachingRealm(Player)).connect().server_broker
        for args in (
            [b"tuple", [b"list"]],
            [b"tuple", [b"unicode"]],
            [b"tuple", [b"unicode", b"\xff"]],
            [b"tuple", [b"unicode", [b"x"]]],
            [b"tuple", [b"remote", [1]]],
            [b"tuple", [b"remote", b"x" * 100]],
            [b"tuple", [b"remote", 2**80]],
            [b"tuple", [b"dereference", 1]],
            [b"tuple", 1.5],
        ):
            self.assertRaises(LoginRefused, decode_arguments, broker, args)
        for invalid in (b"tuple", [b"list"], [], [b"tuple", *[[b"remote", 1]] * 5]):
            self.assertRaises(LoginRefused, count_arguments, invalid, NO_KEYWORDS)
        self.assertRaises(LoginRefused, count_arguments, [b"tuple"], [b"dictionary", [b"a", 1]])

    def test_nothing_is_made_of_wrong_arguments(self):
        """Not even references, which the server would have to give back."""
        client = self.serve()
        broker = client.server_broker
        made = []
        self.patch(broker, "unserialize", lambda *args: made.append(args))
        for method, args in ((b"nothing", 1), (b"login", 3), (b"loginAnonymous", 100)):
            broker.dataReceived(call(*([b"remote", n] for n in range(args)), method=method))
        self.assertEqual(made, [])


class UnwantedAnswerTests(LogTestCase, ServerTestCase):
    def test_refusal_that_nobody_asked_for(self):
        """A login without a wish for an answer leaves nothing in the log when it is refused."""
        client = self.serve()
        broker = client.server_broker
        for method, args in ((b"respond", [b"x", [b"None"]]), (b"loginAnonymous", [b"odd mind"])):
            broker.dataReceived(call(*args, method=method, answer=0))
        self.server.flush()
        self.assertEqual(self.flushLoggedErrors(), [])
