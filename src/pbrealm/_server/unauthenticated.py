"""
Objects that can be called without a login.
"""

from __future__ import annotations

from typing import Any

from twisted.spread import pb

from pbrealm._wire.lazy_jelly import accepts_lazy_jelly
from pbrealm.errors import LoginRefused


class UnauthenticatedReferenceable(pb.Referenceable):
    """
    An object that a client can call before its login.

    The client gets every error as one line of text; none is logged with a traceback.
    """

    @accepts_lazy_jelly
    def remoteMessageReceived(self, broker: Any, message: str, args: Any, kw: Any) -> Any:
        try:
            return super().remoteMessageReceived(broker, message, args, kw)
        except pb.Error:
            raise
        except Exception:
            raise LoginRefused("not a valid login request") from None
