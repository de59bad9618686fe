"""
The realms, and what it takes to write one's own.

L{WrappingRealm} is the base for a realm around another.  A realm that can't subclass it is an
L{ISessionRealm<pbrealm.interfaces.ISessionRealm>}, made with L{request_avatar}, L{identify},
L{admit} and L{close}.
"""

from pbrealm._types import AnyRealm
from pbrealm.realms._admission import admit, clock_of, identify, request_avatar
from pbrealm.realms._anonymous import AnonymousRealm
from pbrealm.realms._base import WrappingRealm
from pbrealm.realms._caching import CachingRealm
from pbrealm.realms._closing import close
from pbrealm.realms._connection_limited import ConnectionLimitedRealm
from pbrealm.realms._disposable import DisposableRealm
from pbrealm.realms._journal import JournalRealm
from pbrealm.realms._mind_tracking import MindTrackingRealm
from pbrealm.realms._presence import Arrival, Departure, Presence
from pbrealm.realms._routing import RoutingRealm
from pbrealm.realms._shared_state import SharedStateRealm

__all__ = [
    "AnonymousRealm",
    "AnyRealm",
    "Arrival",
    "CachingRealm",
    "ConnectionLimitedRealm",
    "Departure",
    "DisposableRealm",
    "JournalRealm",
    "MindTrackingRealm",
    "Presence",
    "RoutingRealm",
    "SharedStateRealm",
    "WrappingRealm",
    "admit",
    "clock_of",
    "close",
    "identify",
    "request_avatar",
]
