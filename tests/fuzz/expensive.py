"""
Random messages that are built to be expensive: what a client can send to make the server work, to
make it keep something, or to have it log.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from pbrealm._wire.tokens import VOCABULARY_TOKENS
from tests.wire.crafted import MODULUS, colliding, same_places

POINT = b"tests.wire.objects.Point"
MIRROR = b"tests.wire.objects.Mirror"
METHODS = [b"take", b"take", b"greet", b"fail", b"refuse", b"later", b"ask", b"mirror", b"object"]
NO_KEYWORDS = [b"dictionary"]


def encode(sexp: Any, words: bool = True) -> bytes:
    """
    An s-expression in banana; in the fewest bytes, so nothing has a prefix of zero.

    @param words: whether words of the vocabulary are abbreviated, as in the dialect C{pb}.
    """
    if isinstance(sexp, bytes):
        if words and sexp in VOCABULARY_TOKENS:
            return VOCABULARY_TOKENS[sexp]
        return _digits(len(sexp)) + b"\x82" + sexp
    if isinstance(sexp, int):
        number = abs(sexp)
        if number < 2**31:
            return _digits(number) + (b"\x81" if sexp >= 0 else b"\x83")
        return _digits(number) + (b"\x85" if sexp > 0 else b"\x86")
    if isinstance(sexp, float):
        return b"\x84" + struct.pack("!d", sexp)
    return _digits(len(sexp)) + b"\x80" + b"".join([encode(item, words) for item in sexp])


def _digits(number: int) -> bytes:
    out = bytearray()
    while number:
        out.append(number & 127)
        number >>= 7
    return bytes(out)


@cache
def _slow_keys(size: int) -> list[int]:
    return same_places(size)


def text(content: bytes) -> list[Any]:
    """The jelly of a string."""
    return [b"unicode", content]


SMALL: Final[list[Any]] = [
    0,
    5,
    b"",
    [b"None"],
    1.5,
    [b"list"],
    [b"tuple"],
    [b"dictionary"],
    [b"set"],
    [b"list", 1],
    [b"tuple", 1],
    [b"dictionary", [1, 1]],
    [b"set", 1],
    [b"frozenset", 1],
    text(b""),
    text(b"ab"),
    [b"boolean", b"true"],
    [b"decimal", 5, 2],
    [b"timedelta", b"1 2 3"],
    [b"datetime", b"2020 1 2 3 4 5 6"],
]
"""Jelly of few bytes, for objects that take many, or much time."""


class Expensive:
    """
    Makes random jelly and messages.

    @ivar kinds: what the jelly was made of, for what a failing test says.
    """

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._seed = seed
        self._reference = 0
        self.kinds: list[str] = []

    # Jelly

    def jelly(self, size: int) -> Any:
        """
        @param size: bytes, as an order of magnitude.
        """
        makers: list[Callable[[int], Any]] = [
            *(self._many_small, self._long_string, self._large_numbers, self._nested),
            *(self._doubling, self._shared_string, self._shared_in_keys, self._part_of_itself),
            *(self._colliding, self._colliding_late, self._same_places, self._many_references),
            *(self._instances, self._atoms, self._remote, self._mixed, self._mixed),
        ]
        # Each in turn for the first, so that few seeds miss none.
        make = self._chance.choice(makers) if self.kinds else makers[self._seed % len(makers)]
        self.kinds.append(make.__name__)
        return make(size)

    def _mixed(self, size: int) -> Any:
        parts = self._chance.randint(2, 5)
        atom = self._chance.choice([b"list", b"tuple"])
        return [atom, *(self.jelly(size // parts) for _ in range(parts) if size > 20)]

    def _many_small(self, size: int) -> Any:
        item = self._chance.choice(SMALL)
        atom = self._chance.choice([b"list", b"list", b"tuple"])
        return [atom, *[item] * (size // len(encode(item)))]

    def _long_string(self, size: int) -> Any:
        content = self._chance.choice([b"x", b"\xff", b"\xc3\xa9", b"1 ", b"a.", b"\x1b"])
        string = content * (size // len(content))
        return self._chance.choice(
            [string, text(string), [b"datetime", string], [b"decimal", string, 1], [string, 1]]
        )

    def _large_numbers(self, size: int) -> Any:
        number = 2**447 + self._chance.getrandbits(64)
        numbers = [number + n for n in range(size // 65)]
        return self._chance.choice(
            [
                [b"list", *numbers],
                [b"set", *numbers],
                [b"list", *([b"decimal", each, 10**9] for each in numbers)],
                [b"dictionary", *([each, 1] for each in numbers)],
            ]
        )

    def _nested(self, size: int) -> Any:
        atom = self._chance.choice([b"list", b"tuple", b"frozenset", b"dictionary"])
        depth = self._chance.choice([10, 60, 90, 150])

        def nest(depth: int) -> Any:
            if not depth:
                return 1
            inner = nest(depth - 1)
            return [atom, [1, inner]] if atom == b"dictionary" else [atom, inner]

        return [b"list", *(nest(depth) for _ in range(1 + size // (4 * depth)))]

    def _next_reference(self) -> int:
        self._reference += 1
        return self._reference

    def _doubling(self, size: int) -> Any:
        """Nested pairs, each of the same pair twice; hashed, compared, or passed as they are."""
        depth = self._chance.randint(2, max(3, min(30, size // 12)))
        width = self._chance.choice([2, 2, 3, 17])
        atom = self._chance.choice([b"tuple", b"tuple", b"frozenset", b"list"])
        leaf = self._chance.choice([[b"tuple", 1, 2], [b"tuple", b"x" * (size // 2)]])
        chains = []
        ends: list[Any] = []
        for _ in range(self._chance.choice([1, 1, 2])):
            last = self._next_reference()
            chains.append([b"reference", last, leaf])
            for _ in range(depth):
                number = self._next_reference()
                chains.append([b"reference", number, [atom, *[[b"dereference", last]] * width]])
                last = number
            ends.append([b"dereference", last])
        use: Any = self._chance.choice(
            [
                [b"set", *ends],
                [b"list", *([b"set", *ends] for _ in range(size // 20))],
                [b"dictionary", *([end, end] for end in ends)],
                [b"list", *ends],
                [b"frozenset", *([b"tuple", *ends, n] for n in range(size // 20))],
            ]
        )
        return [b"list", *chains, use]

    def _shared_string(self, size: int) -> Any:
        number = self._next_reference()
        shared = [b"reference", number, b"x" * (size // 2)]
        return [b"list", shared, *([b"dereference", number] for _ in range(size // 12))]

    def _shared_in_keys(self, size: int) -> Any:
        number = self._next_reference()
        contents: list[list[Any]] = [[0] * (size // 4), [b"x" * (size // 4)], colliding(8)]
        content = self._chance.choice(contents)
        shared = [b"reference", number, [b"tuple", *content]]
        keys = [[b"tuple", [b"dereference", number], n * MODULUS] for n in range(size // 40)]
        if self._chance.random() < 0.5:
            return [b"list", shared, [b"set", *keys]]
        return [b"list", shared, [b"dictionary", *([key, key] for key in keys)]]

    def _part_of_itself(self, size: int) -> Any:
        """Containers that are complete only after what holds them."""
        number = self._next_reference()
        back = [b"dereference", number]
        count = size // 3
        colliding_keys = [[b"tuple", n * MODULUS, back] for n in range(count // 8)]
        inner = self._chance.choice(
            [
                [b"tuple", *[0] * count, back],
                [b"set", *range(count // 2), back],
                [b"list", *([b"tuple", back] for _ in range(count // 3))],
                [b"dictionary", *([key, back] for key in colliding_keys)],
                [b"dictionary", *([n, back] for n in range(count // 3))],
            ]
        )
        outer = self._chance.choice(
            [[b"list", inner], [POINT, [b"dictionary", [text(b"x"), inner]]], inner]
        )
        return [b"reference", number, outer]

    def _keys(self, keys: list[Any]) -> Any:
        """A container with keys, which are numbers, in one of many forms."""
        form: Callable[[int], Any] = self._chance.choice(
            [
                lambda number: number,
                lambda number: -number,
                lambda number: [b"decimal", number, 0],
                lambda number: [b"tuple", number],
                lambda number: [b"tuple", [b"tuple", 1, number], b"x"],
                lambda number: [b"frozenset", number],
                lambda number: [b"timedelta", b"%d 0 0" % (number % 10**8)],
                lambda number: float(number),
                lambda number: [b"remote", number],
            ]
        )
        made = [form(key) for key in keys]
        return self._chance.choice(
            [
                [b"set", *made],
                [b"frozenset", *made],
                [b"dictionary", *([key, 1] for key in made)],
                [b"list", *([b"set", *made[at : at + 64]] for at in range(0, len(made), 64))],
                [b"list", [POINT, [b"dictionary"]], [b"set", *made]],
            ]
        )

    def _colliding(self, size: int) -> Any:
        count = size // 13
        groups = self._chance.choice([1, 1, count // 60 + 1])
        return self._keys([n * MODULUS + n % groups for n in range(1, count + 1)])

    def _colliding_late(self, size: int) -> Any:
        """Keys whose hashes aren't known before the objects that they are part of are."""
        number = self._next_reference()
        keys = [[b"tuple", n * MODULUS, [b"dereference", number]] for n in range(size // 20)]
        late = self._chance.choice([[b"set", *keys], [b"dictionary", *([key, 1] for key in keys)]])
        return [b"reference", number, [POINT, [b"dictionary", [text(b"x"), late]]]]

    def _same_places(self, size: int) -> Any:
        table = 256
        while table * 13 < size:
            table *= 2
        return self._keys(_slow_keys(table))

    def _many_references(self, size: int) -> Any:
        step = self._chance.choice([1, 1, 7919, 2**31 // (size + 1)])
        first = self._next_reference()
        self._reference += size
        made = [[b"reference", (first + n * step) % 2**31, [b"list"]] for n in range(size // 12)]
        return [b"list", *made]

    def _instances(self, size: int) -> Any:
        state = self._chance.choice([[b"dictionary"], self.jelly(size // 4), b"x", [b"None"]])
        kinds = [
            [POINT, state],
            [MIRROR, state],
            [b"cache", self._chance.randint(0, 2000), MIRROR, state],
            [b"cached", self._chance.randint(0, 5)],
            [b"lcache", self._chance.randint(0, 5)],
            [b"twisted.spread.pb.CopyableFailure", state],
            [b"twisted.python.failure.Failure", state],
            [b"copy", state],
        ]
        each = self._chance.choice(kinds)
        return [b"list", *([*each] for _ in range(min(50, 1 + size // 40))), each]

    def _atoms(self, size: int) -> Any:
        name = self._chance.choice(
            [b"os.system", b"builtins.eval", b"a." * (size // 3), b"x", b""]
        )
        each = self._chance.choice(
            [
                [b"module", name],
                [b"class", name],
                [b"function", name],
                [b"method", name, [b"None"], [b"class", name]],
                [b"instance", [b"class", name], NO_KEYWORDS],
                [b"instance", name, NO_KEYWORDS],
                [b"persistent", name],
                [b"unpersistable", name],
                [b"unicode", [name]],
                [name],
                [name, 1],
                [[name]],
                [b"boolean", name],
                [b"dictionary", name],
                [b"reference", [name], 1],
                [b"dereference", 10**7],
                [b"local", 10**7],
            ]
        )
        return [b"list", *[each] * self._chance.choice([1, 1, size // 30])]

    def _remote(self, size: int) -> Any:
        same = self._chance.random() < 0.3
        return [b"list", *([b"remote", 1 if same else n] for n in range(size // 8))]

    # Messages

    def message(self, size: int, perspective: int) -> list[Any]:
        """
        @param perspective: the id of what the client holds.
        """
        chance = self._chance
        kind = chance.choice(["call"] * 6 + ["answer", "odd", "release"])
        number = chance.choice([1, 2, 3, 2**31])
        if kind == "answer":
            return [chance.choice([b"answer", b"error"]), chance.randint(1, 4), self.jelly(size)]
        if kind == "odd":
            return [chance.choice([b"unheard of", b"version", b"x" * size]), self.jelly(size)]
        if kind == "release":
            return [
                chance.choice([b"decref", b"decache", b"uncache"]),
                chance.choice([1, 2, 3, 99, perspective]),
            ]
        command = chance.choice([b"message"] * 5 + [b"cachemessage"])
        target: Any = chance.choice([perspective] * 6 + [99, b"root", b"x" * 300])
        method = chance.choice([*METHODS, *METHODS, b"unknown", b"x" * (size // 4), b"\xff"])
        args: Any = [b"tuple"]
        if chance.random() < 0.8:
            args += [self.jelly(size) for _ in range(chance.choice([1, 1, 2]))]
        if chance.random() < 0.4:
            # What isn't plain data takes another way, all arguments together.
            args.append([POINT, NO_KEYWORDS])
        kw = chance.choice([NO_KEYWORDS] * 2 + [[b"dictionary", [text(b"key"), b"x" * size]]])
        if chance.random() < 0.2:
            args = chance.choice([5, b"tuple", [b"list", 1], [], self._part_of_itself(size)])
        return [command, number, target, method, chance.choice([1, 1, 1, 0]), args, kw]

    def stream(self, perspective: int, words: bool) -> list[bytes]:
        """
        Messages, as they arrive.

        @return: chunks, of which some begin and end within messages.
        """
        chance = self._chance
        size = chance.choice([30, 300, 300, 3000, 3000, 3000, 15_000, 15_000, 60_000, 200_000])
        count = (
            chance.choice([1, 1, 2, 20, 100])
            if size < 1000
            else chance.choice([1, 1, 5])
            if size < 10_000
            else 1
        )
        messages = []
        for _ in range(count):
            # References are those of one argument or answer.
            self._reference = 0
            messages.append(encode(self.message(size, perspective), words))
        if chance.random() < 0.4:
            messages = messages[:1] * min(100, 1 + 20_000 // len(messages[0]))
        sent = b"".join(messages)
        match chance.choice(["whole", "messages", "pieces", "cuts"]):
            case "whole":
                return [sent]
            case "messages":
                return messages
            case "pieces":
                length = max(20, len(sent) // 200)
                return [sent[at : at + length] for at in range(0, len(sent), length)]
        cuts = sorted(chance.randint(0, len(sent)) for _ in range(5))
        return [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
