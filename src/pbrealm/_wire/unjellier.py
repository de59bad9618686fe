"""
Unjellying with bounds: Twisted's unjellier, for jelly from a peer that may be hostile.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from twisted.persisted.crefutil import NotKnown, _DictKeyAndValue
from twisted.spread.jelly import SecurityOptions, _Unjellier

from pbrealm._wire.hashed_keys import MAX_EQUAL_HASHES, KeyHashes, have_different_hashes
from pbrealm._wire.message_limits import MessageTooLarge
from pbrealm._wire.sexp import Sexp


def unjelly_from_peer(jelly: Sexp, security: SecurityOptions, broker: object) -> Any:
    """
    Do as L{twisted.spread.jelly.unjelly} does, for what a broker has received.

    @raise InsecureJelly: if the security options don't allow the object.
    @raise MessageTooLarge: if too many keys of a dictionary, or items of a set, have the same
        hash.
    """
    return _BoundedUnjellier(security, None, broker).unjellyFull(jelly)


class _BoundedUnjellier(_Unjellier):
    """
    Checks the keys of dictionaries and the items of sets before it adds them.

    This is where also those pass that are in the state of an instance.
    """

    def _unjelly_dictionary(self, pairs: list[Any]) -> dict[Any, Any]:
        if len(pairs) <= MAX_EQUAL_HASHES:
            made: dict[Any, Any] = super()._unjelly_dictionary(pairs)
            return made
        made = {}
        hashes = KeyHashes()
        for key, value in pairs:
            # Twisted's own class, which also waits for a value that isn't known yet.
            pair = _DictKeyAndValue(made)
            self.unjellyInto(pair, 0, key)
            if not isinstance(pair.key, NotKnown) and not hashes.add(pair.key):
                raise _too_many_equal_hashes()
            self.unjellyInto(pair, 1, value)
        return made

    def _unjellySetOrFrozenset(
        self, items: list[Any], containerType: Callable[[Collection[Any]], Any]
    ) -> Any:
        return super()._unjellySetOrFrozenset(items, partial(_checked, containerType))


def _checked(make: Callable[[Collection[Any]], Any], items: Collection[Any]) -> Any:
    if not have_different_hashes(items):
        raise _too_many_equal_hashes()
    return make(items)


def _too_many_equal_hashes() -> MessageTooLarge:
    return MessageTooLarge(
        f"Security precaution: more than {MAX_EQUAL_HASHES} keys of a container with one hash."
    )
