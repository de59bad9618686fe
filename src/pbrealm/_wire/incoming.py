"""
Bytes to a broker's messages.
"""

from __future__ import annotations

from typing import Any, Final

from pbrealm._wire.decode import decode_header, decode_next
from pbrealm._wire.lazy_jelly import AS_THEY_ARE, ReceivedJelly
from pbrealm._wire.sexp import skip_digits
from pbrealm._wire.tokens import LIST, VOCABULARY, NotPlain, list_token

_MESSAGE: Final = list_token(7) + VOCABULARY[b"message"]
_ANSWER: Final = list_token(3) + VOCABULARY[b"answer"]
_EMPTY_DICT: Final = list_token(1) + VOCABULARY[b"dictionary"]
_CALLS: Final = frozenset({b"message", b"cachemessage"})
_RESULTS: Final = frozenset({b"answer", b"error"})


def plain_message(buffer: bytes, pos: int, depth: int) -> tuple[list[Any], int]:
    """
    A call or an answer whose arguments are plain data, and where it ends.

    @param depth: how many lists may be in one another within it.
    @raise Exception: one of L{ODD}, for any other message or only a part of one.
    """
    if buffer.startswith(_MESSAGE, pos):
        request_id, pos = decode_header(buffer, pos + len(_MESSAGE))
        object_id, pos = decode_header(buffer, pos)
        method, pos = decode_header(buffer, pos)
        answer, split = decode_header(buffer, pos)
        args, pos = decode_next(buffer, split, depth)
        if type(args) is not tuple:
            raise NotPlain("odd arguments")
        net_args = ReceivedJelly(buffer, split, pos, args)
        start = pos
        if buffer.startswith(_EMPTY_DICT, pos):
            kw: Any = {}
            pos += len(_EMPTY_DICT)
        else:
            kw, pos = decode_next(buffer, pos, depth)
            if type(kw) is not dict:
                raise NotPlain("odd keyword arguments")
        net_kw = ReceivedJelly(buffer, start, pos, kw)
        return [b"message", request_id, object_id, method, answer, net_args, net_kw], pos
    if not buffer.startswith(_ANSWER, pos):
        raise NotPlain("neither a call nor an answer")
    request_id, start = decode_header(buffer, pos + len(_ANSWER))
    result, pos = decode_next(buffer, start, depth)
    if type(result) not in AS_THEY_ARE:
        result = ReceivedJelly(buffer, start, pos, result)
    return [b"answer", request_id, result], pos


def lazy_message(buffer: bytes, start: int, end: int, split: int) -> list[Any]:
    """
    A call or a result whose arguments are left as bytes.

    @param split: where the arguments of a call end, if they are a list.
    @raise Exception: one of L{ODD}, for any other message.
    """
    count = buffer[start]
    if count not in (3, 7) or buffer[start + 1] != LIST:
        raise NotPlain("neither a call nor a result")
    expression: list[Any] = []
    pos = start + 2
    for _ in range(2 if count == 3 else 5):
        item, pos = decode_header(buffer, pos)
        expression.append(item)
    ends = [end] if count == 3 else [split, end]
    if expression[0] not in (_RESULTS if count == 3 else _CALLS) or ends[0] <= pos:
        raise NotPlain("neither a call nor a result")
    for each in ends:
        if buffer[skip_digits(buffer, pos)] != LIST:
            raise NotPlain("not jelly")
        expression.append(ReceivedJelly(buffer, pos, each))
        pos = each
    return expression
