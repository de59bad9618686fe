"""
Encoding a call once, to be sent to many.
"""

from __future__ import annotations

from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._delivery.encoded_call import encode_call
from tests.wire.pair import Pair
from tests.wire.test_immediate_write import Root


class EncodedCallTests(SynchronousTestCase):
    def test_shared_with_the_next_argument(self) -> None:
        """Arguments that are one object arrive as one; C{kw} is apart, as ever."""
        one = [1]
        call = encode_call("echo", [one, one], {"one": one})
        assert call is not None
        pair = Pair(Root())
        pair.root().callRemote("echo", one, one, one=one)
        expected = pair.client.transport.value()
        self.assertEqual(call.message(1, b"root"), expected)

    def test_not_plain(self) -> None:
        """What means something else on each connection isn't encoded."""
        for args, kw in (
            ([pb.Referenceable()], {}),
            ([[pb.Copyable()]], {}),
            ([], {"key": pb.Cacheable()}),
            ([2**448], {}),
            ([], {"pbcallback": print}),
            ([], {"pberrback": print}),
            ([], {"pbanswer": "perhaps"}),
        ):
            self.assertIsNone(encode_call("echo", args, kw))

    def test_arguments_are_left_alone(self) -> None:
        """C{pbanswer} stays in the caller's dictionary."""
        kw = {"pbanswer": False}
        call = encode_call("echo", [], kw)
        self.assertEqual(kw, {"pbanswer": False})
        self.assertEqual(call and call.answer, False)
