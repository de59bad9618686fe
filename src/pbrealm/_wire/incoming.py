"""
Decoding a broker's messages, without decoding their arguments to s-expressions.
"""

from __future__ import annotations

from typing import Any, Final

from pbrealm._wire.decode import decode_header_item, decode_next
from pbrealm._wire.lazy_jelly import NOT_DECODED, NOT_PLAIN, SELF_JELLYING_TYPES, ReceivedJelly
from pbrealm._wire.message_limits import MessageLimits
from pbrealm._wire.sexp import skip_prefix
from pbrealm._wire.tokens import (
    ANSWER_START,
    CALL_START,
    EMPTY_DICTIONARY,
    LIST,
    NotPlain,
    int_at,
)

_CALLS: Final = frozenset({b"message", b"cachemessage"})
_RESULTS: Final = frozenset({b"answer", b"error"})

# What the positional arguments of a call may start with, and its keyword arguments.
_ATOMS: Final = ((b"tuple", b"list"), (b"dictionary",))


def are_arguments(args: Any, kw: Any) -> bool:
    """
    Whether jelly is that of the arguments of a call: a tuple or a list, and a dictionary.

    With anything else, a call by C{*} and C{**} raises a L{TypeError}, and CPython before 3.12
    never frees the keyword arguments then.
    """
    if type(args) is ReceivedJelly and type(kw) is ReceivedJelly:
        # Those of a call are found out about where they are decoded.
        return True
    return (
        isinstance(args, list)
        and isinstance(kw, list)
        and args[:1] in ([b"tuple"], [b"list"])
        and kw[:1] == [b"dictionary"]
    )


def decode_plain_message(buffer: bytes, pos: int, limits: MessageLimits) -> tuple[list[Any], int]:
    """
    Decode a call or an answer whose arguments are plain data, in one pass.

    The bytes need not have been scanned before, and may be incomplete.

    @param limits: for the depth, and for what is repeated by back references; the bytes and items
        are the caller's concern.
    @return: the message, and where it ends.  If that is beyond the end of the buffer, the message
        is incomplete and not to be used.
    @raise Exception: one of L{DECODE_ERRORS<pbrealm._wire.decode.DECODE_ERRORS>}, for any other
        message and for an incomplete one.
    """
    depth = limits.depth - 1
    repeated_bytes = limits.repeated_bytes
    if buffer.startswith(CALL_START, pos):
        request_id, pos = decode_header_item(buffer, pos + len(CALL_START))
        object_id, pos = decode_header_item(buffer, pos)
        method, pos = decode_header_item(buffer, pos)
        answer, start = decode_header_item(buffer, pos)
        args, pos = decode_next(buffer, start, depth, repeated_bytes)
        if type(args) is not tuple:
            raise NotPlain("the arguments aren't a tuple")
        net_args = ReceivedJelly(buffer, start, args)
        start = pos
        if buffer.startswith(EMPTY_DICTIONARY, pos):
            kw: Any = {}
            pos += len(EMPTY_DICTIONARY)
        else:
            kw, pos = decode_next(buffer, pos, depth, repeated_bytes)
            if type(kw) is not dict:
                raise NotPlain("the keyword arguments aren't a dictionary")
        net_kw = ReceivedJelly(buffer, start, kw)
        return [b"message", request_id, object_id, method, answer, net_args, net_kw], pos
    if not buffer.startswith(ANSWER_START, pos):
        raise NotPlain("neither a call nor an answer")
    request_id, start = decode_header_item(buffer, pos + len(ANSWER_START))
    result, pos = decode_next(buffer, start, depth, repeated_bytes)
    if type(result) not in SELF_JELLYING_TYPES:
        result = ReceivedJelly(buffer, start, result)
    return [b"answer", request_id, result], pos


def decode_lazy_message(
    buffer: bytes, start: int, end: int, args_end: int, *, tried: bool = False
) -> list[Any]:
    """
    Decode the header of a call or a result, and leave its arguments as L{ReceivedJelly}.

    @param end: where the message ends.
    @param args_end: where the positional arguments of a call end, if they are a list; see
        L{Scanner<pbrealm._wire.framing.Scanner>}.
    @param tried: whether L{decode_plain_message} was called for the whole message, and has failed.
    @raise Exception: one of L{DECODE_ERRORS<pbrealm._wire.decode.DECODE_ERRORS>}, for any other
        message.
    """
    message_start = start
    # Prefixes may be longer than they need be.
    pos = skip_prefix(buffer, start)
    count = int_at(buffer, start, pos)
    if count not in (3, 7) or buffer[pos] != LIST:
        raise NotPlain("neither a call nor a result")
    message: list[Any] = []
    pos += 1
    for _ in range(2 if count == 3 else 5):
        item, pos = decode_header_item(buffer, pos)
        message.append(item)
    # Of other messages, nothing but the start was looked at.
    in_one_pass = buffer.startswith((CALL_START, ANSWER_START), message_start)
    obj = NOT_PLAIN if tried and in_one_pass else NOT_DECODED
    ends = [end] if count == 3 else [args_end, end]
    if message[0] not in (_RESULTS if count == 3 else _CALLS) or ends[0] <= pos:
        raise NotPlain("neither a call nor a result")
    for each, atoms in zip(ends, _ATOMS, strict=False):
        start = skip_prefix(buffer, pos)
        if buffer[start] != LIST:
            raise NotPlain("the arguments aren't jelly")
        if count == 7 and decode_header_item(buffer, start + 1)[0] not in atoms:
            raise NotPlain("not the arguments of a call")
        message.append(ReceivedJelly(buffer, pos, obj))
        pos = each
    return message
