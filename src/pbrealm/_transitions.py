"""
State machines as tables: which state may follow which.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum
from typing import Generic, TypeVar


class State(Enum):
    """
    The states of a state machine.
    """

    # Members are singletons; the hash of Enum itself takes a Python call.
    __hash__ = object.__hash__


_S = TypeVar("_S", bound=State)


class Transitions(Generic[_S]):
    """
    The transitions that a state machine allows.

    Something that lives through phases keeps its present state in one attribute, and assigns what
    L{to} returns.
    """

    __slots__ = ("_allowed",)

    def __init__(self, allowed: Mapping[_S, Collection[_S]]) -> None:
        """
        @param allowed: for each state, the states that may follow it.
        """
        self._allowed = {state: tuple(following) for state, following in allowed.items()}

    def to(self, following: _S, present: _S) -> _S:
        """
        @return: the following state.
        @raise AssertionError: if it must not follow the present one, which is a bug in pbrealm.
        """
        if following not in self._allowed[present]:
            raise AssertionError(f"{present} must not be followed by {following}")
        return following
