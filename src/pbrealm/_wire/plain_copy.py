"""
Copies of plain data, for what is sent later than it was passed.
"""

from __future__ import annotations

import sys
from typing import Final, TypeVar

from pbrealm._wire.decode import decode_next
from pbrealm._wire.encode import encode_plain
from pbrealm._wire.tokens import NotPlain

_T = TypeVar("_T")

_COLLECTIONS: Final[frozenset[type]] = frozenset({list, tuple, dict, set})
"""The types of plain data that can be changed in place, or hold what can be."""


def copy_plain(thing: _T) -> _T:
    """
    Copy plain data, as deeply as it can be changed.

    @return: the copy; or the thing itself if it can't be changed, or isn't plain data.
    """
    if type(thing) not in _COLLECTIONS:
        return thing
    try:
        copied: _T = decode_next(encode_plain(thing), 0, sys.maxsize)[0]
    except NotPlain:
        return thing
    return copied
