"""
State machines as tables.
"""

from __future__ import annotations

from enum import auto

from twisted.trial.unittest import SynchronousTestCase

from pbrealm._transitions import State, Transitions


class Light(State):
    RED = auto()
    GREEN = auto()
    OFF = auto()


TABLE = Transitions({Light.RED: [Light.GREEN], Light.GREEN: [Light.RED, Light.OFF], Light.OFF: []})


class TransitionsTests(SynchronousTestCase):
    def test_allowed(self) -> None:
        """The following state is returned, to be assigned."""
        self.assertIs(TABLE.to(Light.GREEN, Light.RED), Light.GREEN)
        self.assertIs(TABLE.to(Light.OFF, Light.GREEN), Light.OFF)

    def test_not_allowed(self) -> None:
        """The error names both states.  A state doesn't follow itself unless the table says so."""
        for present, following in (
            (Light.RED, Light.OFF),
            (Light.RED, Light.RED),
            (Light.OFF, Light.GREEN),
        ):
            error = self.assertRaises(AssertionError, TABLE.to, following, present)
            self.assertEqual(str(error), f"{present} must not be followed by {following}")

    def test_table_is_copied(self) -> None:
        following = [Light.GREEN]
        table = Transitions({Light.RED: following})
        following.append(Light.OFF)
        self.assertRaises(AssertionError, table.to, Light.OFF, Light.RED)

    def test_states_are_keys(self) -> None:
        self.assertEqual(len({Light.RED, Light.GREEN, Light.RED}), 2)
