"""
Encoding a broker's messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from pbrealm._wire.encode import write_plain
from pbrealm._wire.lazy_jelly import SELF_JELLYING_TYPES, EncodedJelly
from pbrealm._wire.tokens import (
    ANSWER_START,
    CACHE_CALL_START,
    CALL_START,
    EMPTY_DICTIONARY,
    FLOAT,
    NotPlain,
    bytes_token,
    float_token,
    int_token,
    list_token,
    write_bytes,
)


def encode_sexp(sexp: Any) -> bytes:
    """
    Encode an s-expression.

    @raise NotPlain: if banana would refuse it, or if it has instances of other types than
        s-expressions ordinarily have.
    @raise RecursionError: if it is nested too deeply, as banana does.
    """
    parts: list[bytes] = []
    _write_sexps((sexp,), parts)
    return b"".join(parts)


def _write_sexps(items: Sequence[Any], parts: list[bytes]) -> None:
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
            _write_sexps(item, parts)
        elif kind is float:
            append(float_token(FLOAT, item))
        else:
            raise NotPlain(kind)


def encode_answer(request_id: int, result: object) -> bytes:
    """
    Encode the answer to a call.

    @param result: an L{EncodedJelly}, or an object that is its own jelly.
    @raise NotPlain: for any other result, and for one that can't be sent.
    """
    parts = [ANSWER_START, int_token(request_id)]
    if type(result) is EncodedJelly and result.buffer is not None:
        parts.append(result.buffer)
    elif type(result) in SELF_JELLYING_TYPES:
        write_plain(result, parts)
    else:
        raise NotPlain("ordinary jelly")
    return b"".join(parts)


def call_header(request_id: int, object_id: int | bytes, cached: bool = False) -> bytes:
    """
    Encode the start of a call.  The rest, from L{write_call}, is the same on every connection.

    @param object_id: the C{luid} of the object that is called, or its name.
    @param cached: whether the call is of an object that the peer caches.
    @raise NotPlain: if the object's id can't be sent.
    """
    target = bytes_token(object_id) if isinstance(object_id, bytes) else int_token(object_id)
    return (CACHE_CALL_START if cached else CALL_START) + int_token(request_id) + target


# A memo table, as programs call the same methods over and over.
@lru_cache(maxsize=1024)
def _method_and_answer_flag(method: bytes, answer: int) -> bytes:
    return bytes_token(method) + int_token(answer)


def write_call(
    method: bytes, args: tuple[object, ...], kw: Mapping[str, object], parts: list[bytes]
) -> int:
    """
    Append the rest of a call, after L{call_header}, to C{parts}.

    @param kw: as for C{callRemote}, so C{pbanswer} may be in it.
    @return: C{pbanswer}, by default 1: whether an answer is asked for.
    @raise NotPlain: if only C{callRemote} can send the call.  C{parts} is to be discarded then.
    """
    answer: object = 1
    if "pbanswer" in kw:
        kw = dict(kw)
        answer = kw.pop("pbanswer")
    if not isinstance(answer, int) or "pbcallback" in kw or "pberrback" in kw:
        raise NotPlain("callbacks, or a pbanswer that isn't a number")
    parts.append(_method_and_answer_flag(method, answer))
    write_plain(args, parts)
    if kw:
        write_plain(kw, parts)
    else:
        parts.append(EMPTY_DICTIONARY)
    return answer
