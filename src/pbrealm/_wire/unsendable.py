"""
Answers that can't be sent, which plain Perspective Broker sends nevertheless.

For what jelly doesn't know it makes jelly that the peer takes for an object, that the peer refuses
by closing the connection, or that banana can't encode.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.spread.jelly import SecurityOptions

# What jelly makes of a class, a module, a function and a method.  Few peers take them.
_CODE: Final = frozenset({b"class", b"module", b"function", b"method"})


class AnswerJelly(list[Any]):
    """
    The jelly of an answer, with what it is the answer of.

    @ivar source: the avatar's class and its method, as L{source_of} describes it for the log.
    """

    __slots__ = ("source",)

    def __init__(self, jelly: list[Any], source: str) -> None:
        super().__init__(jelly)
        self.source = source


def source_of(perspective: object, method: object) -> str:
    """
    Describe an answer by what it is the answer of.

    @param perspective: the avatar.
    @param method: the method of it, or of a L{pb.Viewable<twisted.spread.pb.Viewable>}.
    """
    name = getattr(method, "__name__", "a method")
    owner = getattr(method, "__self__", perspective)
    return f"the answer of {type(owner).__module__}.{type(owner).__qualname__}.{name}"


def why_unsendable(jelly: object, security: SecurityOptions) -> str | None:
    """
    Find out whether jelly has a part that the peer can't make an object of.

    @param security: those of this end; the peer's are taken to be the same.
    @return: why it can't be sent; L{None} if it can.
    """
    allowed: Any = security.allowedTypes
    waiting = [jelly]
    while waiting:
        part = waiting.pop()
        if isinstance(part, (list, tuple)):
            if not part:
                continue
            atom = part[0]
            if atom == b"dictionary":
                # Pairs of jelly, which aren't jelly themselves.
                for pair in part[1:]:
                    waiting.extend(pair)
                continue
            if atom == b"unpersistable":
                return str(part[1], "utf-8", "replace")
            if type(atom) is bytes and atom in _CODE and atom not in allowed:
                return f"it has a {atom.decode()}"
            waiting.extend(part)
        elif not isinstance(part, (bytes, int, float)):
            return f"its jelly has a {type(part).__name__}"
    return None
