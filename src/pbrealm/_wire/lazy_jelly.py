"""
Jelly that is kept as its bytes until somebody looks at it.

A method that a broker calls gets its arguments as jelly, and gives its answer as jelly; nearly
always it does nothing with them but have the broker make objects of the one and jelly of the
other.  So what is passed is a list that turns into its items only when it's used as a list.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, TypeVar

from twisted.spread import flavors, pb

from pbrealm._wire.decode import decode_plain
from pbrealm._wire.sexp import decode_sexp
from pbrealm._wire.tokens import WORDS, NotPlain

AS_THEY_ARE: Final = frozenset({int, float, bytes})
"""The types that are their own jelly."""

_NONE_YET: Final = object()

_F = TypeVar("_F", bound=Callable[..., Any])


class LazyJelly(list[Any]):
    """
    A list that is decoded when it's first looked at.
    """

    __slots__ = ("buffer", "end", "start")

    def __init__(self, buffer: bytes, start: int, end: int) -> None:
        self.buffer: bytes | None = buffer
        """The bytes, if nobody has looked yet; L{None} then: what counts now is the list."""
        self.start = start
        self.end = end

    def jelly(self) -> list[Any]:
        """The same as an ordinary list."""
        return list(self)

    def unjelly(self) -> Any:
        """
        An object of plain data.

        @raise NotPlain: if it's for jelly to make, or if somebody has looked.
        """
        if self.buffer is None:
            raise NotPlain("may have been changed")
        return decode_plain(self.buffer, self.start)

    def _look(self) -> None:
        if self.buffer is not None:
            items = decode_sexp(self.buffer, self.start, WORDS)
            self._forget()
            list.extend(self, items)

    def _forget(self) -> None:
        self.buffer = None

    def __radd__(self, other: list[Any]) -> list[Any]:
        # Without it, list + lazy would read what isn't there yet.
        return other + self.jelly()

    def __reduce_ex__(self, _: Any) -> tuple[type[list[Any]], tuple[list[Any]]]:
        return list, (self.jelly(),)


class EncodedJelly(LazyJelly):
    """
    Jelly of this end's own making, so that its bytes can be sent as they are.
    """

    __slots__ = ()


class ReceivedJelly(LazyJelly):
    """
    Jelly as a peer wrote it, in bytes that this end may have written otherwise.

    The object may have been made already, where it is plain data and its end was to be found.
    """

    __slots__ = ("_object",)

    def __init__(self, buffer: bytes, start: int, end: int, obj: Any = _NONE_YET) -> None:
        self.buffer = buffer
        self.start = start
        self.end = end
        self._object = obj

    def unjelly(self) -> Any:
        """
        An object of plain data; a new one each time, for it may be changed.

        @raise NotPlain: if it's for jelly to make.
        """
        obj = self._object
        if obj is not _NONE_YET:
            self._object = _NONE_YET
            return obj
        return super().unjelly()

    def _forget(self) -> None:
        super()._forget()
        self._object = _NONE_YET


def _looking(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def look(self: LazyJelly, *args: Any, **kw: Any) -> Any:
        for lazy in (self, *args):
            if isinstance(lazy, LazyJelly):
                lazy._look()
        return method(self, *args, **kw)

    return look


for _name, _method in list(vars(list).items()):
    if callable(_method) and _name not in {
        "__new__",
        "__init__",
        "__getattribute__",
        "__class_getitem__",
        "__sizeof__",
        "__hash__",
    }:
        setattr(LazyJelly, _name, _looking(_method))


def without_lazy(sexp: Any) -> Any:
    """
    The same s-expression, of ordinary lists through and through.

    Twisted's C{unjelly} takes a list of any other type for an object that is ready.
    """
    if isinstance(sexp, list):
        return [without_lazy(item) for item in sexp]
    return sexp


_receivers: Final[set[Any]] = {
    flavors.Referenceable.remoteMessageReceived,
    flavors.ViewPoint.remoteMessageReceived,
    flavors.RemoteCache.remoteMessageReceived,
    pb.Avatar.perspectiveMessageReceived,
}


def receives_lazily(method: _F) -> _F:
    """
    Decorate a C{remoteMessageReceived} or C{perspectiveMessageReceived} that does nothing with
    its arguments but give them to C{broker.unserialize}, or another receiver L{as_received}.
    """
    _receivers.add(method)
    return method


def as_received(receiver: Callable[..., Any], args: Any, kw: Any) -> tuple[Any, Any]:
    """
    The arguments in the form that a C{remoteMessageReceived} or C{perspectiveMessageReceived} can
    take.

    One that nobody vouched for gets ordinary lists: it may do with them what works with nothing
    else.
    """
    if getattr(receiver, "__func__", None) in _receivers:
        return args, kw
    return (
        args.jelly() if isinstance(args, LazyJelly) else args,
        kw.jelly() if isinstance(kw, LazyJelly) else kw,
    )
