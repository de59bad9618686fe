"""
The ids of objects, of requests and of clients.
"""

from __future__ import annotations

from typing import Final

_MAX_ID_BYTES: Final = 64
_MAX_ID_BITS: Final = 64

MAX_CLIENT_ID: Final = 64
"""Bytes of the id by which a client that comes back is told from others of its account."""


def is_plain_id(value: object) -> bool:
    """Whether something can be the id of an object or of a request: a small number, or a name."""
    if type(value) is int:
        return value.bit_length() <= _MAX_ID_BITS
    return type(value) is bytes and len(value) <= _MAX_ID_BYTES


def is_client_id(value: object) -> bool:
    """Whether something can be the id of a client."""
    return type(value) is bytes and 0 < len(value) <= MAX_CLIENT_ID
