"""
Names of avatars.
"""

from __future__ import annotations

import re

_GUEST = re.compile(r"guest#\d+")


def is_guest(avatar_id: str) -> bool:
    """Whether a name is one of those that L{AnonymousRealm<pbrealm.AnonymousRealm>} gives."""
    return _GUEST.fullmatch(avatar_id) is not None
