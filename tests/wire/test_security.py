"""
The security options of brokers are asked as under Twisted.
"""

from __future__ import annotations

from typing import Any

from twisted.spread import jelly
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._wire.security import may_decode_plain
from tests.wire.objects import Root
from tests.wire.pair import Pair


class MayDecodePlainTests(SynchronousTestCase):
    """
    When L{may_decode_plain} says that jelly would do otherwise.
    """

    def test_stock(self) -> None:
        """Twisted's own options allow plain data."""
        self.assertTrue(may_decode_plain(jelly.globalSecurity))

    def test_less_allowed(self) -> None:
        """Options that don't allow all types of plain data."""
        self.assertFalse(may_decode_plain(jelly.SecurityOptions()))

    def test_other_rules(self) -> None:
        """Options with a rule of their own."""

        class Picky(jelly.SecurityOptions):
            def isTypeAllowed(self, typeName: Any) -> bool:
                return typeName != b"unicode"

        picky = Picky()
        picky.allowBasicTypes()
        self.assertFalse(may_decode_plain(picky))
        dummy: Any = jelly.DummySecurityOptions()
        self.assertFalse(may_decode_plain(dummy))
        changed: Any = jelly.SecurityOptions()
        changed.allowBasicTypes()
        self.assertTrue(may_decode_plain(changed))
        changed.isTypeAllowed = lambda name: False
        self.assertFalse(may_decode_plain(changed))

    def test_registered_class(self) -> None:
        """A class is registered for dictionaries."""
        registry: dict[Any, Any] = jelly.unjellyableRegistry
        registry[b"dictionary"] = dict
        self.addCleanup(registry.pop, b"dictionary")
        self.assertFalse(may_decode_plain(jelly.globalSecurity))


class BrokerSecurityTests(SynchronousTestCase):
    def test_incoming(self) -> None:
        """What they don't allow is refused when it's unserialized."""
        strict = jelly.SecurityOptions()
        pair = Pair(Root())
        pair.server.security = strict
        jellied = pair.client.serialize([1])
        self.assertRaises(jelly.InsecureJelly, pair.server.unserialize, jellied)
        strict.allowBasicTypes()
        self.assertEqual(pair.server.unserialize(jellied), [1])

    def test_outgoing(self) -> None:
        """Options with a rule of their own are asked about what's sent."""

        class NoFloats(jelly.SecurityOptions):
            def isTypeAllowed(self, typeName: Any) -> bool:
                return typeName != b"builtins.float"

        pair = Pair(Root())
        pair.client.security = NoFloats()
        failures: list[Any] = []
        pair.root().callRemote("echo", [1.5]).addErrback(failures.append)
        self.assertEqual([why.type for why in failures], [jelly.InsecureJelly])
