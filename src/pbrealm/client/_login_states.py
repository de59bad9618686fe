"""
The life of a service that logs in, and of each of its connections, as two state machines.
"""

from __future__ import annotations

from enum import auto
from typing import Final

from pbrealm._transitions import State, Transitions


class ServiceState(State):
    """
    What a service is doing.
    """

    STOPPED = auto()
    """Nothing, and nothing is left of what it did."""

    LOGGING_IN = auto()
    """It tries to log in."""

    LOGGED_IN = auto()
    """It has a perspective."""

    LEAVING = auto()
    """The login is over, or has failed, and the connection is being closed; then it comes back."""

    WAITING = auto()
    """It waits until it tries again."""

    STOPPING = auto()
    """The connection is being closed, and the service stops then."""


class ConnectionState(State):
    """
    Where a connection is in its life.
    """

    CONNECTING = auto()
    """The credentials are asked for, or the connection is being made."""

    LOGGING_IN = auto()
    """The connection is made, and the login isn't answered yet."""

    LOGGED_IN = auto()
    """The client holds its perspective."""

    AWAY = auto()
    """The connection is lost, and the client tries to come back to its session."""

    CLOSING = auto()
    """The login is over, or has failed, and the connection isn't lost yet."""

    CLOSED = auto()
    """Nothing is left."""


SERVICE: Final = Transitions(
    {
        ServiceState.STOPPED: (ServiceState.LOGGING_IN,),
        ServiceState.LOGGING_IN: (
            ServiceState.LOGGED_IN,
            ServiceState.LEAVING,
            ServiceState.STOPPING,
        ),
        ServiceState.LOGGED_IN: (ServiceState.LEAVING, ServiceState.STOPPING),
        ServiceState.LEAVING: (ServiceState.WAITING, ServiceState.STOPPING),
        ServiceState.WAITING: (ServiceState.LOGGING_IN, ServiceState.STOPPING),
        ServiceState.STOPPING: (ServiceState.STOPPED,),
    }
)

CONNECTION: Final = Transitions(
    {
        ConnectionState.CONNECTING: (ConnectionState.LOGGING_IN, ConnectionState.CLOSING),
        ConnectionState.LOGGING_IN: (ConnectionState.LOGGED_IN, ConnectionState.CLOSING),
        ConnectionState.LOGGED_IN: (ConnectionState.AWAY, ConnectionState.CLOSING),
        ConnectionState.AWAY: (ConnectionState.LOGGED_IN, ConnectionState.CLOSING),
        ConnectionState.CLOSING: (ConnectionState.CLOSED,),
        ConnectionState.CLOSED: (),
    }
)
