"""
The client's live copy of a shared dictionary.
"""

from collections.abc import Mapping

from pbrealm.client import SharedDictCopy
from tests.delivery.cases import SharedDictTestCase


class SharedDictCopyTests(SharedDictTestCase):
    def test_mapping(self):
        self.assertTrue(issubclass(SharedDictCopy, Mapping))

    def test_in_order(self):
        self.serve()
        copy = self.join()
        seen = []
        copy.on_change(lambda copy: seen.append(copy["n"]))
        for n in range(20):
            self.state["n"] = n
        self.server.flush()
        self.assertEqual(seen, list(range(20)))

    def test_failing_callback(self):
        self.serve()
        copy = self.join()
        seen = []
        copy.on_change(lambda copy: 1 / 0)
        copy.on_change(lambda copy: seen.append(dict(copy)))
        self.state["a"] = 1
        self.server.flush()
        self.assertEqual(seen, [{"a": 1}])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
