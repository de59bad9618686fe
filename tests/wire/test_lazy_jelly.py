"""
LazyJelly behaves as the list that it stands for.
"""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

from twisted.spread import jelly
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._wire.encode import encode_plain
from pbrealm._wire.lazy_jelly import EncodedJelly, LazyJelly, ReceivedJelly, materialize

VALUE = (1, [2.5, True], {1: None})


class ListTests(SynchronousTestCase):
    """
    Each way of using a list, on one whose items aren't decoded yet.
    """

    def lazy(self, kind: type[LazyJelly] = EncodedJelly) -> LazyJelly:
        encoded = encode_plain(VALUE)
        return kind(b"xx" + encoded + b"yy", 2)

    def test_every_operation(self) -> None:
        """Each operation has the result that it has on an ordinary list."""
        looks: list[Any] = [
            len,
            list,
            tuple,
            bool,
            repr,
            str,
            lambda it: it[0],
            lambda it: it[1:],
            lambda it: [*it],
            lambda it: (lambda *items: items)(*it),
            lambda it: b"tuple" in it,
            lambda it: it == plain,
            lambda it: plain == it,
            lambda it: it != plain,
            lambda it: it == self.lazy(),
            lambda it: it + [1],  # noqa: RUF005  # the operator is what's tested
            lambda it: [1] + it,  # noqa: RUF005  # the same
            lambda it: it + self.lazy(),
            lambda it: it * 2,
            lambda it: 2 * it,
            lambda it: list(reversed(it)),
            lambda it: it.index(1),
            lambda it: it.count(1),
            lambda it: it.copy(),
            lambda it: copy.copy(it),
            lambda it: copy.deepcopy(it),
            lambda it: pickle.loads(pickle.dumps(it)),
            lambda it: json.dumps(it[1:2]),
            lambda it: json.dumps(it, default=repr),
            lambda it: (it.append(5), list(it)),
            lambda it: (it.extend(self.lazy()), list(it)),
            lambda it: (it.insert(0, 5), list(it)),
            lambda it: (it.pop(), list(it)),
            lambda it: (it.remove(1), list(it)),
            lambda it: (it.reverse(), list(it)),
            lambda it: (it.clear(), list(it)),
            lambda it: (it.__setitem__(0, 9), list(it)),
            lambda it: (it.__delitem__(0), list(it)),
            lambda it: (it.__iadd__([1]), list(it)),
            lambda it: isinstance(it, list),
        ]
        plain = jelly.jelly(VALUE)
        for look in looks:
            for kind in (EncodedJelly, ReceivedJelly):
                self.assertEqual(look(self.lazy(kind)), look(copy.deepcopy(plain)))

    def test_unpacking(self) -> None:
        """Operations that the interpreter has shortcuts for work as well."""
        atom, *rest = self.lazy()
        self.assertEqual([atom, *rest], jelly.jelly(VALUE))
        target = [0, 0]
        target[1:] = self.lazy()
        self.assertEqual(target, [0, *jelly.jelly(VALUE)])
        self.assertEqual([0, *self.lazy()], target)

    def test_same_list_from_then_on(self) -> None:
        """The items are decoded once, and keep their identity."""
        lazy = self.lazy()
        self.assertIs(lazy[2], lazy[2])

    def test_materialize(self) -> None:
        """Twisted's C{unjelly} accepts the ordinary lists."""
        nested = [b"list", self.lazy(), [b"tuple", self.lazy()]]
        plain = materialize(nested)
        self.assertIs(type(plain[1]), list)
        self.assertEqual(jelly.unjelly(plain), [VALUE, (VALUE,)])
