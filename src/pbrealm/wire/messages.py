"""
A broker's own messages to bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pbrealm.wire.lazy import EncodedJelly
from pbrealm.wire.tokens import (
    FLOAT,
    NotPlain,
    bytes_token,
    float_token,
    int_token,
    list_token,
)


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
    for item in items:
        kind = type(item)
        if kind is bytes:
            parts.append(bytes_token(item))
        elif kind is int or kind is bool:
            parts.append(int_token(item))
        elif kind is EncodedJelly and item.buffer is not None:
            parts.append(item.buffer)
        elif kind is list or kind is tuple:
            parts.append(list_token(len(item)))
            _write(item, parts)
        elif kind is float:
            parts.append(float_token(FLOAT, item))
        else:
            raise NotPlain(kind)
