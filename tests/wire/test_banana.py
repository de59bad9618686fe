"""
What pbrealm's banana does otherwise than Twisted's.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pbrealm._wire.banana import FastBanana
from tests.wire.streams import listening


class StreamTests(SynchronousTestCase):
    """
    What L{FastBanana} does differently.
    """

    def test_same_error_again(self) -> None:
        """After an error every further call raises the same."""
        listener, heard = listening(FastBanana)
        for _ in range(3):
            self.assertRaises(NotImplementedError, listener.dataReceived, b"\x01\x81\x88\x01\x81")
        self.assertEqual(heard, [1])

    def test_error_in_a_handler(self) -> None:
        """If handling a message fails, the next message is still handled."""
        listener, heard = listening(FastBanana)

        def fail(_: Any) -> None:
            listener.expressionReceived = heard.append
            raise RuntimeError

        listener.expressionReceived = fail
        self.assertRaises(RuntimeError, listener.dataReceived, b"\x01\x81\x02\x81\x03")
        listener.dataReceived(b"\x81")
        self.assertEqual(heard, [2, 3])

    def test_from_within(self) -> None:
        """Bytes that arrive while a message is handled come after those that are there."""
        listener, heard = listening(FastBanana)

        def handle(number: int) -> None:
            heard.append(number)
            if number == 1:
                listener.dataReceived(b"\x03\x81\x04")

        listener.expressionReceived = handle
        listener.dataReceived(b"\x01\x81\x02\x81")
        self.assertEqual(heard, [1, 2, 3])
        listener.dataReceived(b"\x81")
        self.assertEqual(heard, [1, 2, 3, 4])
