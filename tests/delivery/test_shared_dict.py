"""
The shared dictionary, and its changes on their way to the copies.
"""

from collections.abc import MutableMapping

from pbrealm import SharedDict
from pbrealm.client import ClientFactory
from tests.delivery.cases import FilteringDict, SharedDictTestCase


class SharedDictTests(SharedDictTestCase):
    def test_mapping(self):
        self.assertIsInstance(SharedDict(), MutableMapping)
        shared = SharedDict("alice", {"a": 1})
        self.assertEqual(dict(shared), {"a": 1})
        self.assertEqual(repr(shared), "<SharedDict 'alice': {'a': 1}>")

    def test_every_change(self):
        """Each way to change it reaches every copy, whatever broker is at either end."""
        for plain in (False, True):
            self.serve(plain=plain)
            copies = [self.join(), self.join(ClientFactory())]
            for change in (
                lambda state: state.update(a=1, b=[2], c={"d": None}),
                lambda state: state.__setitem__("a", b"bytes"),
                lambda state: state.pop("b"),
                lambda state: state.setdefault(("a", "tuple"), 5),
                lambda state: state.popitem(),
                lambda state: state.clear(),
                lambda state: state.update({3: 4}),
            ):
                change(self.state)
                self.server.flush()
                for copy in copies:
                    self.assertEqual(dict(copy), dict(self.state))

    def test_late(self):
        """One that joins late gets the whole first, and what follows then."""
        self.serve()
        self.join()
        self.state["a"] = 1
        self.state["b"] = 2
        late = self.join()
        self.assertEqual(dict(late), {"a": 1, "b": 2})
        self.state["a"] = 3
        self.server.flush()
        self.assertEqual(dict(late), {"a": 3, "b": 2})

    def test_from_a_client(self):
        """What one client has its avatar change, the others see."""
        self.serve()
        copies = [self.join(), self.join()]
        self.clients[0].call(self.references[0], "set", "a", 1)
        self.assertEqual([dict(copy) for copy in copies], [{"a": 1}] * 2)

    def test_leaving(self):
        """One that leaves, or lets go of its copy, is forgotten at once."""
        self.serve()
        copies = [self.join(), self.join(), self.join()]
        state = self.state
        self.clients[0].drop()
        self.assertEqual(len(state._observers), 2)
        copies.pop(1)
        self.server.flush()
        self.assertEqual(len(state._observers), 1)
        state["a"] = 1
        self.server.flush()
        self.assertEqual(dict(copies[1]), {"a": 1})
        for client in self.clients[1:]:
            client.drop()
        self.assertEqual(len(state._observers), 0)
        self.assertEqual(dict(self.realm.states), {})

    def test_filter(self):
        """A subclass says who may see what, in the whole and in each change."""
        self.serve(FilteringDict)
        first = self.join()
        self.state.update({"open": 1, "secret": 2})
        second = self.join()
        self.assertEqual((dict(first), dict(second)), ({"open": 1, "secret": 2}, {"open": 1}))
        self.state.update({"open": 3, "secret": 4, "secret too": 5})
        del self.state["secret"]
        self.server.flush()
        self.assertEqual((dict(first), dict(second)), ({"open": 3, "secret too": 5}, {"open": 3}))
        self.state.clear()
        self.server.flush()
        self.assertEqual((dict(first), dict(second)), ({}, {}))

    def test_nobody_there(self):
        shared = SharedDict()
        shared["a"] = 1
        shared.clear()
        shared.clear()
        self.assertEqual(len(shared), 0)
