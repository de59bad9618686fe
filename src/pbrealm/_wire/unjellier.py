"""
Unjellying with bounds: Twisted's unjellier, for jelly from a peer that may be hostile.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final, Protocol

from twisted.persisted.crefutil import NotKnown
from twisted.spread import pb
from twisted.spread.jelly import (
    InsecureJelly,
    SecurityOptions,
    _Unjellier,
    unjellyableFactoryRegistry,
    unjellyableRegistry,
)

from pbrealm._wire.hashed_keys import KeyHashes, check_dictionary, check_set
from pbrealm._wire.ids import is_plain_id
from pbrealm._wire.received_failure import check_attributes
from pbrealm._wire.sexp import Sexp

# Their keys are bytes, as opposed to what Twisted's annotations say.
_registered_classes: Final[Collection[Any]] = unjellyableRegistry
_registered_factories: Final[Collection[Any]] = unjellyableFactoryRegistry


class Receiver(Protocol):
    """What an unjellier asks of its broker, beside what Twisted's does."""

    def received(self, reference: Any) -> Any:
        """
        The peer has passed a reference: to an object of its own, or to one of this end.

        @param reference: a L{pb.RemoteReference}; or the object of this end.
        @return: what takes its place.
        """


def unjelly_from_peer(jelly: Sexp, security: SecurityOptions, broker: Receiver) -> Any:
    """
    Do as L{twisted.spread.jelly.unjelly} does, for what a broker has received.

    @param jelly: nothing else may use it: its lists are emptied on the way, so that jelly and
        objects don't take memory at the same time.
    @raise InsecureJelly: if the security options don't allow the object, or it can't be made.
    @raise MessageTooLarge: if the keys of a dictionary, or the items of a set, are slow to add to
        it.
    """
    made = _BoundedUnjellier(security, None, broker).unjellyFull(jelly)
    if isinstance(made, NotKnown):
        raise InsecureJelly("an object that would be complete only once it is complete")
    return made


class _BoundedUnjellier(_Unjellier):
    """
    Unjellies containers in time and memory that grow with their items only, and failures with
    valid attributes only.

    This is where also those pass that are in the state of an instance.
    """

    def unjelly(self, obj: Any) -> Any:
        # Two stack frames for each list and no more, as an error deep down unwinds them all.
        if type(obj) is list and obj and type(obj[0]) is bytes:
            atom = obj[0]
            if (
                atom in _CONTAINERS
                and self.taster.isTypeAllowed(atom)
                and atom not in _registered_classes
                and atom not in _registered_factories
            ):
                if atom == b"dictionary":
                    return self._dictionary(obj)
                return _MAKE[atom](self._items(obj))
            if atom == b"remote" and not (len(obj) == 2 and is_plain_id(obj[1])):
                # It's kept as long as the reference, hashed, and sent with each call through it.
                raise InsecureJelly("not the id of an object")
            made = super().unjelly(obj)
            if atom in _REFERENCES:
                return None if made is None else self.invoker.received(made)
            if isinstance(made, pb.CopiedFailure):
                check_attributes(made)
            return made
        return super().unjelly(obj)

    def _items(self, jelly: list[Any]) -> list[Any]:
        items = [None] * (len(jelly) - 1)
        for index in range(1, len(jelly)):
            item = jelly[index]
            if type(item) is list:
                jelly[index] = None
                item = self.unjelly(item)
            items[index - 1] = item
        return items

    def _dictionary(self, jelly: list[Any]) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        keys = []
        values = []
        late = None
        for index in range(1, len(jelly)):
            key, value = jelly[index]
            jelly[index] = None
            key, value = self.unjelly(key), self.unjelly(value)
            if isinstance(key, NotKnown) or isinstance(value, NotKnown):
                late = late or KeyHashes()
                _LatePair(made, late, key, value)
            else:
                keys.append(key)
                values.append(value)
        check_dictionary(keys)
        made.update(zip(keys, values, strict=True))
        return made


def _make_list(items: list[Any]) -> list[Any]:
    for index, item in enumerate(items):
        if isinstance(item, NotKnown):
            item.addDependant(items, index)
    return items


def _make_set(items: Collection[Any]) -> set[Any]:
    check_set(items)
    return set(items)


def _make_frozenset(items: Collection[Any]) -> frozenset[Any]:
    check_set(items)
    return frozenset(items)


def _when_known(items: list[Any], make: Callable[[list[Any]], Any]) -> Any:
    """
    Make an immutable container, or what stands for it until all its items are known.
    """
    missing = [index for index, item in enumerate(items) if isinstance(item, NotKnown)]
    return _LateContainer(items, missing, make) if missing else make(items)


_MAKE: Final[dict[bytes, Callable[[list[Any]], Any]]] = {
    b"list": _make_list,
    b"tuple": lambda items: _when_known(items, tuple),
    b"set": lambda items: _when_known(items, _make_set),
    b"frozenset": lambda items: _when_known(items, _make_frozenset),
}
_CONTAINERS: Final = frozenset({*_MAKE, b"dictionary"})

_REFERENCES: Final = frozenset({b"remote", b"local", b"lcache"})
"""To an object of the peer, and to objects of this end that the peer has or caches."""


class _LateContainer(NotKnown):
    """
    Stands for a container that is part of itself.

    Twisted's own removes each item that is known from the front of a list, which takes time
    quadratic in their number.
    """

    def __init__(
        self, items: list[Any], missing: list[int], make: Callable[[list[Any]], Any]
    ) -> None:
        super().__init__()
        self._items = items
        self._missing = len(missing)
        self._make = make
        for index in missing:
            items[index].addDependant(self, index)

    def __setitem__(self, index: int, item: Any) -> None:
        self._items[index] = item
        if not isinstance(item, NotKnown):
            self._missing -= 1
            if not self._missing:
                self.resolveDependants(self._make(self._items))


class _LatePair:
    """
    A key and its value, of which at least one isn't known yet.
    """

    def __init__(self, made: dict[Any, Any], hashes: KeyHashes, key: Any, value: Any) -> None:
        self._made = made
        self._hashes = hashes
        self._pair = [key, value]
        for index, part in enumerate(self._pair):
            if isinstance(part, NotKnown):
                part.addDependant(self, index)

    def __setitem__(self, index: int, part: Any) -> None:
        self._pair[index] = part
        key, value = self._pair
        if not isinstance(key, NotKnown) and not isinstance(value, NotKnown):
            self._hashes.add(key)
            self._made[key] = value
