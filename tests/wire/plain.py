"""
Plain data for properties, and what Twisted makes of it.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from hypothesis import strategies as st
from twisted.internet.testing import StringTransport
from twisted.spread import jelly
from twisted.spread.banana import Banana

import tests.examples  # noqa: F401  # sets how many there are

words = st.sampled_from([word.decode() for word in Banana.outgoingVocabulary])

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | words

integers = (
    st.integers()
    | st.integers(-300, 300)
    | st.integers(-(2**33), 2**33)
    | st.sampled_from([2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**448 - 1, -(2**448) + 1])
)

scalars = (
    st.none()
    | st.booleans()
    | integers
    | st.floats()
    | texts
    | st.binary(max_size=200)
    | texts.map(str.encode)
    | st.datetimes()
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.decimals(allow_nan=False, allow_infinity=False)
)

hashables = st.recursive(
    scalars.filter(lambda value: value == value),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=5,
)

trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.tuples(inner, inner)
        | st.dictionaries(hashables, inner, max_size=6)
        | st.dictionaries(texts, inner, max_size=6)
        | st.sets(hashables, max_size=4)
        | st.frozensets(hashables, max_size=4)
    ),
    max_leaves=25,
)


@st.composite
def graphs(draw: st.DrawFn, cycles: bool = True) -> Any:
    """
    Containers of which some are in several places, and some within themselves.
    """
    pool: list[Any] = [(), frozenset(), draw(trees)]
    for _ in range(draw(st.integers(1, 8))):
        pick = st.sampled_from(pool) | scalars
        made: Any
        shape = draw(st.sampled_from(["list", "dict", "tuple"]))
        if shape == "list":
            made = draw(st.lists(pick, max_size=4))
        elif shape == "tuple":
            made = tuple(draw(st.lists(pick, max_size=4)))
        else:
            made = draw(st.dictionaries(texts, pick, max_size=4))
        pool.append(made)
    if cycles:
        mutable = [item for item in pool if type(item) in (list, dict)]
        for item in mutable:
            if draw(st.booleans()):
                other = draw(st.sampled_from(pool))
                if type(item) is list:
                    item.append(other)
                else:
                    item["again"] = other
    return pool[-1]


def speaker() -> Banana:
    """A banana that has agreed on the dialect C{pb}."""
    spoken = Banana()
    spoken.makeConnection(StringTransport())
    spoken._selectDialect(b"pb")
    return spoken


def written(sexp: Any) -> bytes:
    """What plain Perspective Broker writes for an s-expression."""
    stream = BytesIO()
    speaker()._encode(sexp, stream.write)
    return stream.getvalue()


def twisted_encode(obj: object) -> bytes:
    """What plain Perspective Broker writes for an object."""
    return written(jelly.jelly(obj, jelly.globalSecurity))


def twisted_sexp(encoded: bytes) -> Any:
    """What plain Perspective Broker reads, as an s-expression."""
    listener: Any = speaker()
    heard: list[Any] = []
    listener.expressionReceived = heard.append
    listener.dataReceived(encoded)
    (sexp,) = heard
    return sexp


def twisted_decode(encoded: bytes) -> Any:
    """What plain Perspective Broker makes of bytes."""
    return jelly.unjelly(twisted_sexp(encoded), jelly.globalSecurity)


def outcome(function: Any, *args: Any) -> Any:
    """What a function returns, or the type of what it raises."""
    try:
        return function(*args)
    except Exception as error:
        return type(error)
