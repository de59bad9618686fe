"""
A broker's own messages to bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from pbrealm._wire.encode import write_plain
from pbrealm._wire.lazy_jelly import AS_THEY_ARE, EncodedJelly
from pbrealm._wire.tokens import (
    FLOAT,
    VOCABULARY,
    NotPlain,
    bytes_token,
    float_token,
    int_token,
    list_token,
    write_bytes,
)

_MESSAGE: Final = list_token(7) + VOCABULARY[b"message"]
_CACHE_MESSAGE: Final = list_token(7) + VOCABULARY[b"cachemessage"]
_ANSWER: Final = list_token(3) + VOCABULARY[b"answer"]
_EMPTY_DICT: Final = list_token(1) + VOCABULARY[b"dictionary"]


def encode_sexp(sexp: Any) -> bytes:
    """
    The bytes of an s-expression.

    @raise NotPlain: for what banana refuses, or only banana knows to be fit.
    @raise RecursionError: if it's very deep, as banana does.
    """
    parts: list[bytes] = []
    _write((sexp,), parts)
    return b"".join(parts)


def _write(items: Sequence[Any], parts: list[bytes]) -> None:
    append = parts.append
    for item in items:
        kind = type(item)
        if kind is bytes:
            write_bytes(item, parts)
        elif kind is int or kind is bool:
            append(int_token(item))
        elif kind is EncodedJelly and item.buffer is not None:
            append(item.buffer)
        elif kind is list or kind is tuple:
            append(list_token(len(item)))
            _write(item, parts)
        elif kind is float:
            append(float_token(FLOAT, item))
        else:
            raise NotPlain(kind)


def encode_answer(request_id: int, result: object) -> bytes:
    """
    The answer to a call.

    @param result: jelly; a list only if it's encoded already.
    @raise NotPlain: for any other list, and for what's too large to send.
    """
    parts = [_ANSWER, int_token(request_id)]
    if type(result) is EncodedJelly and result.buffer is not None:
        parts.append(result.buffer)
    elif type(result) in AS_THEY_ARE:
        write_plain(result, parts)
    else:
        raise NotPlain("jelly")
    return b"".join(parts)


def call_header(request_id: int, object_id: int | bytes, cached: bool = False) -> bytes:
    """
    What a call begins with: all that differs from one connection to the next.

    @param cached: whether it's a call of an object that the peer caches.
    @raise NotPlain: if the object's id is too long.
    """
    target = bytes_token(object_id) if isinstance(object_id, bytes) else int_token(object_id)
    return (_CACHE_MESSAGE if cached else _MESSAGE) + int_token(request_id) + target


@lru_cache(maxsize=1024)
def _method(name: bytes, answer: int) -> bytes:
    return bytes_token(name) + int_token(answer)


def write_call(
    method: bytes, args: tuple[object, ...], kw: Mapping[str, object], parts: list[bytes]
) -> int:
    """
    Append what follows upon a call's header.

    @return: what C{pbanswer} in C{kw} says: 0 if no answer is asked for.
    @raise NotPlain: if C{callRemote} is to do it; some of it has been written then.
    """
    answer: object = 1
    if "pbanswer" in kw:
        kw = dict(kw)
        answer = kw.pop("pbanswer")
    if not isinstance(answer, int) or "pbcallback" in kw or "pberrback" in kw:
        raise NotPlain("callbacks, or an odd answer")
    parts.append(_method(method, answer))
    write_plain(args, parts)
    if kw:
        write_plain(kw, parts)
    else:
        parts.append(_EMPTY_DICT)
    return answer
