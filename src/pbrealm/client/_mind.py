"""
What the server calls at a client whose program has given no mind.
"""

from __future__ import annotations

from typing import Any

from twisted.spread import pb

from pbrealm.errors import NoMind


class GoodbyeMind(pb.Referenceable):
    """
    A mind for the goodbye, which only a client with a mind is told.

    It answers all other calls as a client without a mind does, with L{NoMind}, and logs nothing.
    """

    def remoteMessageReceived(self, broker: Any, message: str, args: Any, kw: Any) -> Any:
        raise NoMind("the client passed no mind")


def hears(mind: pb.Referenceable, method: str) -> bool:
    """Whether a mind wants to be called by this method itself."""
    if isinstance(mind, GoodbyeMind):
        return False
    own = type(mind).remoteMessageReceived is not pb.Referenceable.remoteMessageReceived
    return own or hasattr(mind, f"remote_{method}")
