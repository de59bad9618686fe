"""
Plain data as JSON, and back.
"""

import json

from hypothesis import given
from twisted.trial.unittest import SynchronousTestCase

from pbrealm.store._json import from_json, to_json
from tests.store.test_codec import typed
from tests.wire.plain import trees


class JsonTests(SynchronousTestCase):
    @given(trees)
    def test_types(self, value):
        """Everything comes back with its types."""
        line = json.dumps(to_json(value), allow_nan=False)
        self.assertEqual(typed(from_json(json.loads(line))), typed(value))

    def test_readable(self):
        """What JSON has is written plainly."""
        plain = {"name": "alice", "items": ["sword", 1.5, None, True], "none": {}}
        self.assertEqual(to_json(plain), plain)
        self.assertEqual(
            to_json((b"\x00", {1: 2})), {"$tuple": [{"$bytes": "AA=="}, {"$dict": [[1, 2]]}]}
        )
        self.assertEqual(to_json({"$bytes": 1}), {"$dict": [["$bytes", 1]]})

    def test_nonsense(self):
        nonsense: object
        for nonsense in (
            {"$nonsense": 1},
            {"$bytes": "AA==", "more": 1},
            {"$bytes": "A"},
            {"$bytes": 5},
            {"$set": [[]]},
            {"$set": 5},
            {"$dict": [[1]]},
            {"$datetime": "yesterday"},
            {"$decimal": "x"},
            {"$timedelta": [1e99]},
            [{"$": 1}],
        ):
            self.assertRaises(ValueError, from_json, nonsense)
