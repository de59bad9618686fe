"""
The realms, and what it takes to write another that wraps one.
"""

from pbrealm.realms._admission import clock_of, enter, identify, log_in
from pbrealm.realms._anonymous import AnonymousRealm
from pbrealm.realms._caching import CachingRealm
from pbrealm.realms._connection_limited import ConnectionLimitedRealm
from pbrealm.realms._disposable import DisposableRealm
from pbrealm.realms._mind_tracking import MindTrackingRealm
from pbrealm.realms._presence import Arrival, Departure, Presence
from pbrealm.realms._shared_state import SharedStateRealm

__all__ = [
    "AnonymousRealm",
    "Arrival",
    "CachingRealm",
    "ConnectionLimitedRealm",
    "Departure",
    "DisposableRealm",
    "MindTrackingRealm",
    "Presence",
    "SharedStateRealm",
    "clock_of",
    "enter",
    "identify",
    "log_in",
]
