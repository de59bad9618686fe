"""
The ids that a peer chooses for what it passes references to.
"""

from __future__ import annotations

from typing import Any

from twisted.spread import pb
from twisted.spread.jelly import InsecureJelly
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._wire.broker import FastBroker
from pbrealm._wire.ids import is_plain_id


class IdTests(SynchronousTestCase):
    def test_plain(self) -> None:
        for good in (0, -1, 2**64 - 1, b"", b"x" * 64):
            self.assertTrue(is_plain_id(good))
        for bad in (2**64, b"x" * 65, "a", None, 1.0, True, [1], (1,)):
            self.assertFalse(is_plain_id(bad))

    def test_references(self) -> None:
        """A reference whose id is large would be hashed and sent with each call through it."""
        broker: Any = FastBroker()
        self.assertIsInstance(broker.unserialize([b"remote", 5]), pb.RemoteReference)
        for bad in ([1, 2], b"x" * 100, 2**61 * 1000, [b"list"]):
            for jelly in ([b"remote", bad], [b"list", [b"remote", bad]]):
                self.assertRaises(InsecureJelly, broker.unserialize, jelly)
        self.assertRaises(InsecureJelly, broker.unserialize, [b"remote"])
        self.assertRaises(InsecureJelly, broker.unserialize, [b"remote", 1, 2])
