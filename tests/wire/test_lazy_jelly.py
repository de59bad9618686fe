"""
LazyJelly behaves as the list that it stands for.
"""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

from twisted.spread import jelly, pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._wire.encode import encode_plain
from pbrealm._wire.lazy_jelly import (
    EncodedJelly,
    LazyJelly,
    ReceivedJelly,
    accepts_lazy_jelly,
    arguments_for,
    materialize,
)
from tests.wire.objects import Root
from tests.wire.pair import Pair
from tests.wire.plain import twisted_sexp

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
        plain = jelly.jelly(VALUE)
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
        plain: Any = materialize(nested)
        self.assertIs(type(plain[1]), list)
        self.assertEqual(jelly.unjelly(plain), [VALUE, (VALUE,)])


class Watching(pb.Root):
    """A root that looks at its arguments as jelly before it passes them on."""

    def __init__(self, look: Any) -> None:
        self.look = look

    def remoteMessageReceived(self, broker: Any, message: str, args: Any, kw: Any) -> Any:
        self.look(args, kw)
        return super().remoteMessageReceived(broker, message, args, kw)

    def remote_echo(self, *args: Any, **kw: Any) -> object:
        return [args, kw]


class ReceiverTests(SynchronousTestCase):
    """
    Methods that receive jelly get what they get under Twisted.
    """

    def test_overridden_receiver_gets_lists(self) -> None:
        """An override that may do anything with its arguments sees ordinary lists."""
        seen: list[Any] = []
        pair = Pair(Watching(lambda args, kw: seen.append((type(args), args, type(kw), kw))))
        self.assertEqual(pair.call("echo", 1, a=["b"]), [(1,), {"a": ["b"]}])
        self.assertEqual(
            seen,
            [
                (
                    list,
                    [b"tuple", 1],
                    list,
                    [b"dictionary", [[b"unicode", b"a"], [b"list", [b"unicode", b"b"]]]],
                )
            ],
        )

    def test_changed_jelly_counts(self) -> None:
        """What such an override makes of its arguments is what's called with."""
        pair = Pair(Watching(lambda args, kw: args.append(2)))
        self.assertEqual(pair.call("echo", 1), [(1, 2), {}])

    def test_perspective_that_is_overridden(self) -> None:
        """The same for a perspective, also one that another passes calls on to."""
        seen: list[type] = []

        class Plain(pb.Avatar):
            def perspective_echo(self, *args: Any) -> object:
                return args

        class Looking(Plain):
            def perspectiveMessageReceived(self, broker: Any, *call: Any) -> object:
                seen.extend(map(type, call[1:]))
                return super().perspectiveMessageReceived(broker, *call)

        class Passing:
            def __init__(self, avatar: Any) -> None:
                self.avatar = avatar

            @accepts_lazy_jelly
            def perspectiveMessageReceived(
                self, broker: Any, message: str, args: Any, kw: Any
            ) -> object:
                seen.extend((type(args), type(kw)))
                receiver = self.avatar.perspectiveMessageReceived
                return receiver(broker, message, *arguments_for(receiver, args, kw))

        for avatar, types in (
            (Plain(), []),
            (Looking(), [list, list]),
            (Passing(Plain()), ["lazy", "lazy"]),
            (Passing(Looking()), ["lazy", "lazy", list, list]),
        ):
            del seen[:]
            pair = Pair(Root())
            pair.server.setNameForLocal("me", pb.AsReferenceable(avatar, "perspective"))
            answers: list[Any] = []
            pair.client.remoteForName("me").callRemote("echo", [1]).addBoth(answers.append)
            pair.pump()
            self.assertEqual(answers, [([1],)])
            self.assertEqual(
                ["lazy" if issubclass(kind, LazyJelly) else kind for kind in seen], types
            )

    def test_lazy_within_jelly(self) -> None:
        """What C{serialize} returns may be put into jelly that's made by hand."""
        pair = Pair(Root())
        part = pair.server.serialize([1, "two"])
        self.assertIs(type(part), EncodedJelly)
        self.assertEqual(
            pair.server.unserialize([b"tuple", part, [b"list", part]]),
            ([1, "two"], [[1, "two"]]),
        )
        pair.server.sendCall(b"hello", [part, 1], part)
        jellied = [b"list", 1, [b"unicode", b"two"]]
        self.assertEqual(
            twisted_sexp(pair.server.transport.value()), [b"hello", [jellied, 1], jellied]
        )
        self.assertEqual(pair.server.unserialize(part), [1, "two"])
