"""
The calls of a client without a login, decoded strictly.

Twisted's dispatcher accepts any object as an argument, however much it comes to once it is
decoded.  A login needs flat arguments of a handful of types, so before it nothing else is decoded.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.spread import pb

from pbrealm._wire.ids import is_plain_id
from pbrealm.errors import LoginRefused

_MAX_REFERENCES: Final = 4
"""
References among the arguments of a call.  Each costs the server an object, and a message once that
is dropped.
"""

_NONE: Final = [b"None"]
_NO_KEYWORDS: Final = [b"dictionary"]


def count_arguments(args: object, kw: object) -> int:
    """
    Count the arguments of a call, before anything is made of them.

    @param args: the jelly of the positional arguments.
    @param kw: the jelly of the keyword arguments, of which there must be none.
    @raise LoginRefused: if they can't be those of a login.
    """
    if type(args) is not list or args[:1] != [b"tuple"] or kw != _NO_KEYWORDS:
        raise LoginRefused("not a valid login request")
    references = sum(type(item) is list and item[:1] == [b"remote"] for item in args)
    if references > _MAX_REFERENCES:
        raise LoginRefused("more references than a login needs")
    return len(args) - 1


def decode_arguments(broker: pb.Broker, args: list[Any]) -> list[Any]:
    """
    Decode the arguments of a call: bytes, strings, whole numbers, None, and references.

    @param broker: makes the references.
    @param args: the jelly of the positional arguments, which L{count_arguments} has accepted.
    @raise LoginRefused: for anything else.
    """
    return [_decode_argument(broker, item) for item in args[1:]]


def _decode_argument(broker: pb.Broker, item: Any) -> Any:
    if type(item) in (bytes, int):
        return item
    if item == _NONE:
        return None
    if type(item) is list and len(item) == 2:
        kind, value = item
        if kind == b"unicode" and type(value) is bytes:
            try:
                return value.decode("utf-8")
            except UnicodeDecodeError:
                raise LoginRefused("a string in the login request is not valid UTF-8") from None
        if kind == b"remote" and is_plain_id(value):
            return broker.unserialize(item)
    raise LoginRefused(
        "a login takes strings, bytes, integers, None and a referenceable mind only"
    )
