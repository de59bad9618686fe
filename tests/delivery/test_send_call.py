"""
Sending a call that is encoded already.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.spread import jelly, pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._broker_slot import broker_of
from pbrealm._delivery import send_call as send_call_module
from pbrealm._delivery.encoded_call import encode_call
from pbrealm._delivery.send_call import send_call, takes_encoded
from pbrealm._wire.broker import FastBroker
from pbrealm._wire.outgoing import call_header
from tests.examples import examples
from tests.wire.pair import Pair
from tests.wire.plain import graphs, texts, trees

names = texts.filter(lambda name: not name.startswith("pb"))


def takes(reference):
    return takes_encoded(reference, broker_of(reference))


class Root(pb.Root):
    """A root to call."""

    def remote_echo(self, *args: Any, **kw: Any) -> object:
        return [args, kw]


class SendCallTests(SynchronousTestCase):
    """
    L{send_call} against C{callRemote}.
    """

    def test_nothing_is_kept_for_ids_of_any_length(self) -> None:
        """The peer chooses the ids of its objects; long ones don't outlive the connection."""
        call = encode_call("echo", [], {"pbanswer": False})
        assert call is not None
        pair = Pair(Root())
        kept = send_call_module._cached_header.cache_info().currsize
        for luid in (b"x" * 100_000, 2**400):
            reference = pb.RemoteReference(None, pair.client, luid, 0)
            send_call(reference, call, None)
            self.assertIn(
                call_header(pair.client.currentRequestID, luid), pair.client.transport.value()
            )
        self.assertEqual(send_call_module._cached_header.cache_info().currsize, kept)

    @settings(max_examples=examples(50))
    @given(
        st.lists(trees | graphs(), max_size=3),
        st.dictionaries(names, trees, max_size=3),
        st.sampled_from([{}, {"pbanswer": 0}, {"pbanswer": False}, {"pbanswer": True}]),
    )
    def test_same_bytes(self, args: list[Any], kw: dict[str, Any], answer: Any) -> None:
        """Byte for byte, over brokers of both kinds, at any point of a connection's life."""
        call = encode_call("echo", args, {**kw, **answer})
        assert call is not None
        for fast in (True, False):
            written: list[Any] = []
            for _ in range(2):
                pair = Pair(Root(), fast, fast)
                pair.client.currentRequestID = 200 * len(written)
                mind = pair.root()
                mind.luid = 5
                pair.client.currentRequestID = 127
                self.assertTrue(takes(mind))
                if written:
                    send_call(mind, call, Deferred() if call.answer else None)
                else:
                    mind.callRemote("echo", *args, **kw, **answer)
                written.append(
                    (pair.client.transport.value(), list(pair.client.waitingForAnswers))
                )
            self.assertEqual(written[0], written[1])

    def test_answers(self) -> None:
        """The answer arrives as for C{callRemote}."""
        call = encode_call(b"echo", [1, "two"], {"three": [4]})
        assert call is not None
        for fast in (True, False):
            pair = Pair(Root(), not fast, fast)
            answers: list[Any] = []
            for _ in range(2):
                answer: Deferred[Any] = Deferred()
                send_call(pair.root(), call, answer)
                answer.addBoth(answers.append)
            pair.pump()
            self.assertEqual(answers, [[(1, "two"), {"three": [4]}]] * 2)
            self.assertEqual(pair.client.waitingForAnswers, {})

    def test_dead(self) -> None:
        """A mind whose connection is gone raises, as C{callRemote} does."""
        call = encode_call("echo", [], {})
        assert call is not None
        pair = Pair(Root())
        mind = pair.root()
        pair.close()
        self.assertRaises(pb.DeadReferenceError, send_call, mind, call, Deferred())

    def test_overridden_methods_are_called(self) -> None:
        """A mind or a broker that overrides something is left to C{callRemote}."""

        class Logged(pb.RemoteReference):
            def callRemote(self, _name: Any, *args: Any, **kw: Any) -> Any:
                return super().callRemote(_name, *args, **kw)

        class Counting(FastBroker):
            def sendCall(self, *exp: Any) -> None:
                super().sendCall(*exp)

        class Watching(FastBroker):
            def dataReceived(self, chunk: bytes) -> None:
                super().dataReceived(chunk)

        pair = Pair(Root())
        self.assertFalse(takes(object()))
        self.assertFalse(takes(Logged(None, pair.client, 1, 0)))
        pair.client.__class__ = Counting
        self.assertFalse(takes(pair.root()))
        pair.client.__class__ = Watching
        self.assertTrue(takes(pair.root()))
        pair.client.security = jelly.DummySecurityOptions()
        self.assertFalse(takes(pair.root()))
