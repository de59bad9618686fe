"""
Lazy jelly: s-expressions that stay encoded until they are used as lists.

A broker passes arguments to the method that handles a call as jelly, and gets the answer as jelly.
Most methods only have the broker unjelly the one, and jelly the other.  So the broker passes a
list that decodes its items when it's first used; nearly always the objects are made directly from
the bytes, and the list is never decoded.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import MethodType
from typing import Any, Final, TypeVar

from twisted.spread import flavors, pb

from pbrealm._wire.decode import decode_plain
from pbrealm._wire.message_limits import MessageLimits
from pbrealm._wire.sexp import Sexp, decode_sexp
from pbrealm._wire.tokens import INCOMING_VOCABULARY, NotPlain

SELF_JELLYING_TYPES: Final = frozenset({int, float, bytes})
"""The types of objects that are their own jelly."""

NOT_DECODED: Final = object()
"""In place of an object: nobody has tried to decode it."""

NOT_PLAIN: Final = object()
"""In place of an object: it has turned out not to be plain data."""

_F = TypeVar("_F", bound=Callable[..., Any])


class LazyJelly(list[Any]):
    """
    A list that decodes its items when it's first used as a list.

    @ivar buffer: the bytes; L{None} once the items are decoded, as they may be changed from then
        on.
    """

    __slots__ = ("_object", "_start", "buffer")

    def __init__(self, buffer: bytes, start: int = 0, obj: Any = NOT_DECODED) -> None:
        """
        @param start: where the jelly starts in the buffer.
        @param obj: the object, if it is plain data and has been decoded already; L{NOT_PLAIN} if
            that has failed.
        """
        self.buffer: bytes | None = buffer
        self._start = start
        self._object = obj

    def jelly(self) -> list[Any]:
        """Make an ordinary list of the same items."""
        return list(self)

    def decoded(self) -> Sexp:
        """Make ordinary lists of the same items, at every level, that nothing else has."""
        if self.buffer is not None:
            return decode_sexp(self.buffer, self._start, INCOMING_VOCABULARY)[0]
        return materialize(self)

    def unjelly(self, limits: MessageLimits) -> Any:
        """
        Decode the object, if it is plain data.

        @param limits: those of the message.
        @return: a new object each time, as the caller may change it.
        @raise NotPlain: if the object isn't plain data, or the list may have been changed.
        @raise MessageTooLarge: for keys that are slow to add to a dictionary or a set.
        """
        obj = self._object
        if obj is not NOT_DECODED:
            if obj is NOT_PLAIN:
                raise NotPlain("has been tried before")
            self._object = NOT_DECODED
            return obj
        if self.buffer is None:
            raise NotPlain("the list may have been changed")
        return decode_plain(self.buffer, self._start, limits.repeated_bytes)

    def _decode_items(self) -> None:
        if self.buffer is not None:
            items: Any = decode_sexp(self.buffer, self._start, INCOMING_VOCABULARY)[0]
            self.buffer = None
            self._object = NOT_DECODED
            list.extend(self, items)

    def __radd__(self, other: list[Any]) -> list[Any]:
        # list + lazy calls this first.  list.__add__ would read the items before they are decoded.
        return other + self.jelly()

    def __reduce_ex__(self, _: Any) -> tuple[type[list[Any]], tuple[list[Any]]]:
        return list, (self.jelly(),)


class EncodedJelly(LazyJelly):
    """
    Jelly that this end has encoded.  The whole buffer can be sent as it is.
    """

    __slots__ = ()


class ReceivedJelly(LazyJelly):
    """
    Jelly that the peer has encoded, as a part of the buffer.

    The same jelly has other encodings too, so this one isn't sent.
    """

    __slots__ = ()


def _decoding_items(method: Callable[..., Any]) -> Callable[..., Any]:
    """Make a method of L{list} decode the items of its operands first."""

    @functools.wraps(method)
    def decode_and_call(self: LazyJelly, *args: Any, **kw: Any) -> Any:
        for operand in (self, *args):
            if isinstance(operand, LazyJelly):
                operand._decode_items()
        return method(self, *args, **kw)

    return decode_and_call


for _name, _method in list(vars(list).items()):
    if callable(_method) and _name not in {
        "__new__",
        "__init__",
        "__getattribute__",
        "__class_getitem__",
        "__sizeof__",
        "__hash__",
    }:
        setattr(LazyJelly, _name, _decoding_items(_method))


def materialize(sexp: Sexp) -> Sexp:
    """
    Copy an s-expression, with ordinary lists in place of L{LazyJelly} at every level.

    Twisted's C{unjelly} needs this: it takes an instance of a subclass of L{list} for an object
    that is unjellied already.
    """
    if isinstance(sexp, list):
        return [materialize(item) for item in sexp]
    return sexp


# The functions behind the methods that accept LazyJelly.  Decorators add to this when classes are
# defined.  A mark on the function would not do: functools.wraps would copy it to any wrapper.
_lazy_receivers: Final[set[Callable[..., Any]]] = {
    flavors.Referenceable.remoteMessageReceived,
    flavors.ViewPoint.remoteMessageReceived,
    flavors.RemoteCache.remoteMessageReceived,
    pb.Avatar.perspectiveMessageReceived,
}


def accepts_lazy_jelly(method: _F) -> _F:
    """
    Decorate a C{remoteMessageReceived} or C{perspectiveMessageReceived} to get its arguments as
    L{LazyJelly}.

    The method must do no more with them than pass them to C{broker.unserialize}, or to another
    such method by way of L{arguments_for}.
    """
    _lazy_receivers.add(method)
    return method


def takes_lazy_jelly(receiver: Callable[..., Any]) -> bool:
    """Whether a method L{accepts_lazy_jelly}."""
    return isinstance(receiver, MethodType) and receiver.__func__ in _lazy_receivers


def arguments_for(receiver: Callable[..., Any], args: Sexp, kw: Sexp) -> tuple[Sexp, Sexp]:
    """
    Convert jellied arguments to what the method that receives them accepts.

    @param receiver: a C{remoteMessageReceived} or C{perspectiveMessageReceived}.
    @return: C{args} and C{kw} as they are if the method L{accepts_lazy_jelly}.  Otherwise
        ordinary lists, as the method may do with them what works with nothing else.
    """
    if takes_lazy_jelly(receiver):
        return args, kw
    return (
        args.jelly() if isinstance(args, LazyJelly) else args,
        kw.jelly() if isinstance(kw, LazyJelly) else kw,
    )
