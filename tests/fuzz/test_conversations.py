"""
Whatever a client sends, and however it's cut into pieces: the server answers or closes, logs no
error, and keeps nothing.

C{make fuzz} tries as much as can be tried in C{FUZZ_SECONDS}; else it's the same little each time.
"""

import gc
import os
import secrets
import sys
import time

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, seed, settings
from twisted.spread import banana
from twisted.trial.unittest import SynchronousTestCase

from tests.delivery.odd_errors import forged
from tests.examples import examples
from tests.fuzz.conversation import CHALLENGE, LIMITS, Server, record
from tests.fuzz.expensive import Expensive, encode
from tests.wire.plain import twisted_sexp, written

SECONDS = float(os.environ.get("FUZZ_SECONDS", "0")) / 8
"""How long each of the eight tests may go on; 0 for the bounded form."""

WORDS = sorted(banana.Banana.outgoingVocabulary)

scalars = st.one_of(
    st.sampled_from([0, 1, 2, 3, -1, 2**31, 2**64, -(2**64), 10**9]),
    st.sampled_from(WORDS),
    st.sampled_from([b"root", b"login", b"loginAnonymous", b"respond", b"echo", b"boolean"]),
    st.sampled_from([b"unicode", b"set", b"frozenset", b"datetime", b"decimal", b"\xff", b""]),
    st.sampled_from([b"method", b"builtins.eval", b"twisted.spread.pb.Broker", b"a" * 300]),
    st.integers(-300, 300),
    st.floats(),
    st.binary(max_size=5),
)
numbers = st.integers(0, 10**6)
expensive = numbers.map(lambda number: Expensive(number).jelly(100))
"""Jelly with back references, colliding keys, classes, cycles."""

forged_failures = st.builds(
    lambda name, value: forged(**{name: value}),
    st.sampled_from(["type", "value", "traceback", "parents", "frames", "stack", "unknown"]),
    scalars | expensive,
)
sexps = st.recursive(
    scalars | expensive | forged_failures,
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=12,
)
pauses = st.lists(st.sampled_from([0, 0, 0, 0.5, 6, 31]), max_size=8)


METHODS = [
    *(b"login", b"respond", b"loginAnonymous", b"echo", b"object", b"mirror"),
    *(b"news", b"news", b"think", b"refuse", b"greet"),
]


@st.composite
def calls(draw):
    """A message that is well formed as far as it goes."""
    command = draw(st.sampled_from([b"message", b"cachemessage", b"answer", b"error", b"decref"]))
    number = draw(st.integers(0, 12) | sexps)
    if command in (b"message", b"cachemessage"):
        target = draw(st.integers(0, 8) | st.just(b"root") | sexps)
        method = draw(st.sampled_from(METHODS) | sexps)
        wanted = draw(st.sampled_from([1, 0]) | sexps)
        args = draw(st.lists(sexps, max_size=3).map(lambda some: [b"tuple", *some]) | sexps)
        kw = draw(st.just([b"dictionary"]) | sexps)
        return [command, number, target, method, wanted, args, kw]
    return [command, number, *draw(st.lists(sexps, max_size=2))]


def as_bytes(sexp):
    """As plain PB writes it, or with its words spelled out if that's not possible."""
    try:
        return written(sexp)
    except Exception:
        return b""


conversations = st.lists(calls() | sexps, max_size=40).map(lambda said: list(map(as_bytes, said)))


@st.composite
def changed(draw, sexp):
    """An s-expression of which some part is another."""
    if not isinstance(sexp, list) or not sexp or draw(st.integers(0, 5)) == 0:
        return draw(sexps)
    at = draw(st.integers(0, len(sexp) - 1))
    what = draw(st.sampled_from(["deeper", "deeper", "drop", "twice", "swap"]))
    new = sexp[:]
    if what == "deeper":
        new[at] = draw(changed(sexp[at]))
    elif what == "drop":
        del new[at]
    elif what == "twice":
        new.insert(at, sexp[at])
    else:
        other = draw(st.integers(0, len(sexp) - 1))
        new[at], new[other] = new[other], new[at]
    return new


@st.composite
def mutated(draw, messages):
    """A conversation in which something is wrong."""
    messages = list(messages)
    for _ in range(draw(st.integers(0, 4))):
        if not messages:
            break
        at = draw(st.integers(0, len(messages) - 1))
        message = messages[at]
        what = draw(
            st.sampled_from(["sexp", "sexp", "sexp", "bit", "cut", "drop", "twice", "swap", "new"])
        )
        if what == "sexp" and message:
            try:
                sexp = twisted_sexp(message)
            except Exception:
                # It has been spoilt by an earlier change.
                continue
            messages[at] = as_bytes(draw(changed(sexp)))
        elif what == "bit" and message:
            byte = draw(st.integers(0, len(message) - 1))
            flipped = message[byte] ^ 1 << draw(st.integers(0, 7))
            messages[at] = message[:byte] + bytes((flipped,)) + message[byte + 1 :]
        elif what == "cut":
            messages[at] = message[: draw(st.integers(0, len(message)))]
        elif what == "drop":
            del messages[at]
        elif what == "twice":
            messages.insert(at, message)
        elif what == "swap":
            other = draw(st.integers(0, len(messages) - 1))
            messages[at], messages[other] = messages[other], message
        else:
            messages.insert(at, as_bytes(draw(calls())))
    return messages


@st.composite
def pieces(draw, messages):
    """The bytes of a conversation, as they may arrive."""
    stream = b"".join(messages)
    if draw(st.booleans()):
        return messages
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    return [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


def served(event):
    """
    Whether an error is what a call has come to that was looked up and answered: that of a client
    with a login is logged, under Perspective Broker, since it's the program's that is served.
    """
    return str(event.get("what") or event.get("text")).startswith("a call from ")


class FuzzTests(SynchronousTestCase):
    def setUp(self):
        self.patch(secrets, "token_bytes", lambda _: CHALLENGE)
        self.server = Server()
        self.before, self.after = record()

    def fuzz(self, test):
        """Try it, and see that nothing is left of all the connections there were."""
        if SECONDS:
            until = time.monotonic() + SECONDS
            number = int(time.time())
            chosen = settings(max_examples=300, derandomize=False, print_blob=True)
        else:
            until = number = 0
            chosen = settings(max_examples=examples(100), derandomize=True)
        chosen = settings(
            chosen, deadline=None, database=None, suppress_health_check=list(HealthCheck)
        )
        tried = chosen(test)
        tried()
        while time.monotonic() < until:
            number += 1
            seed(number)(tried)()
        if SECONDS:
            print(f"{self.id()}: {self.server.heard} conversations", file=sys.__stderr__)
        self.flushLoggedErrors()
        # The events of the last conversation hold its failures, and those its frames.
        del self.server.errors[:]
        gc.collect()
        self.assertEqual(len(self.server.brokers), 0)

    def assert_nothing_logged(self):
        self.assertEqual(self.server.errors, [])

    def assert_served(self):
        self.assertEqual([event for event in self.server.errors if not served(event)], [])

    def test_recorded(self):
        """What was recorded is served; else the rest would come to little."""
        self.server.hear([*self.before, *self.after[:1]])
        answered = self.server.hear([*self.before, *self.after])
        self.assertIn(b"hello alice", answered)
        self.assertIn(b"hello bob", answered)
        self.assert_nothing_logged()

    def test_any_bytes(self):
        @given(st.lists(st.binary(max_size=200), max_size=6), pauses)
        def any_bytes(chunks, waits):
            self.server.hear(chunks, waits)
            self.assert_nothing_logged()

        self.fuzz(any_bytes)

    def test_unauthenticated(self):
        """Greetings, and then messages of all kinds: an answer takes no more than is allowed."""

        @given(
            st.lists(calls() | sexps, max_size=40).map(lambda m: list(map(as_bytes, m))), pauses
        )
        def unauthenticated(messages, waits):
            answered = self.server.hear([*self.before[:2], *messages], waits)
            self.assert_nothing_logged()
            self.assertLess(len(answered), 3 * LIMITS.unauthenticated_bytes)

        self.fuzz(unauthenticated)

    def test_logins(self):
        """A login in which something is wrong."""

        @given(mutated(self.before).flatmap(pieces), pauses)
        def logins(chunks, waits):
            self.server.hear(chunks, waits)
            # The login may be right in the end, and a call after it wrong.
            self.assert_served()

        self.fuzz(logins)

    def test_logged_in(self):
        """Messages of all kinds from a client that has logged in."""

        @given(
            st.lists(calls() | sexps, max_size=40).map(lambda m: list(map(as_bytes, m))), pauses
        )
        def logged_in(messages, waits):
            self.server.hear([*self.before, *messages], waits)
            self.assert_served()

        self.fuzz(logged_in)

    def test_expensive(self):
        """What is built to be expensive, in either dialect; logins with odd minds before it."""

        @given(numbers, st.booleans(), st.none() | sexps, pauses)
        def expensive(number, words, mind, waits):
            said = [twisted_sexp(message) for message in self.before]
            if mind is not None:
                # The last argument of the response to the challenge.
                said[3][5][2] = mind
            said[0] = b"pb" if words else b"none"
            made = Expensive(number)
            said += [made.message(300, chosen) for chosen in (1, 2, 3)]
            self.server.hear([encode(message, words) for message in said], waits)
            self.assert_served()

        self.fuzz(expensive)

    def test_mistakes(self):
        """The calls of such a client, in which something is wrong."""

        @given(mutated(self.after).flatmap(pieces), pauses)
        def mistakes(chunks, waits):
            self.server.hear([*self.before, *chunks], waits)
            self.assert_served()

        self.fuzz(mistakes)
