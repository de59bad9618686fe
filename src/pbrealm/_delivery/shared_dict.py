"""
A mapping that every client of a user has a live copy of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.spread import pb

from pbrealm._delivery.client_sets import ObserverSet
from pbrealm._delivery.report import DeliveryReport

_log = Logger()

COPY_TYPE = b"pbrealm.SharedDict"
"""The name by which a copy is known on the wire, whatever subclass it's a copy of."""


class SharedDict(pb.Cacheable, MutableMapping[Any, Any]):
    """
    A mapping whose changes reach every client that has it, in order.

    An avatar gives it to its client as an argument or an answer; the client gets a
    L{SharedDictCopy<pbrealm.client.SharedDictCopy>}, the whole of it first and each change as it
    happens.  As the state of a L{SharedStateRealm<pbrealm.SharedStateRealm>}, it's one for each
    user::

        realm = SharedStateRealm(Player, SharedDict)

    Keys and values are what Perspective Broker can send.  What happens within a value isn't
    noticed: assign it anew.
    """

    def __init__(
        self,
        name: str = "",
        items: Mapping[Any, Any] | Iterable[tuple[Any, Any]] = (),
        *,
        clock: IReactorTime | None = None,
    ) -> None:
        """
        @param name: whose it is; the avatar id, if it's made by a realm.
        @param items: what it begins with.
        @param clock: by default the global reactor.
        """
        self.name = name
        self._items = dict(items)
        self._observers = ObserverSet(clock=clock)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}: {self._items!r}>"

    def may_see(self, perspective: Any, key: Any) -> bool:
        """
        Say whether the client of this avatar may see what is under a key; for subclasses.

        It's asked whenever the client gets the whole, and at each change of the key.
        """
        return True

    def __getitem__(self, key: Any) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._items[key] = value
        self._tell("update", {key: value})

    def __delitem__(self, key: Any) -> None:
        del self._items[key]
        self._tell("remove", {key: None})

    def update(self, *args: Any, **kw: Any) -> None:
        """Change many at once, which reaches each client at once, too."""
        items = dict(*args, **kw)
        self._items.update(items)
        self._tell("update", items)

    def clear(self) -> None:
        """Remove all."""
        items, self._items = self._items, {}
        self._tell("remove", dict.fromkeys(items))

    def _tell(self, what: str, items: dict[Any, Any]) -> None:
        if not items:
            return
        # Those who may see the same get the same message, and it's encoded once.
        audiences: dict[tuple[Any, ...], list[Any]] = {}
        for observer in self._observers:
            seen = tuple(key for key in items if self.may_see(observer.perspective, key))
            audiences.setdefault(seen, []).append(observer)
        for seen, observers in audiences.items():
            if seen:
                told = {key: items[key] for key in seen} if what == "update" else list(seen)
                sent = self._observers.notify_some(observers, what, told, pbanswer=False)
                sent.addCallback(self._log_failed)

    def _log_failed(self, report: DeliveryReport[Any]) -> None:
        for why in report.failed.values():
            _log.failure("a change of {shared} can't be sent", why, shared=self)

    def getTypeToCopy(self) -> bytes:
        return COPY_TYPE

    def getStateToCacheAndObserveFor(self, perspective: Any, observer: Any) -> dict[Any, Any]:
        self._observers.add(observer)
        return {
            "items": {
                key: value for key, value in self._items.items() if self.may_see(perspective, key)
            }
        }

    def stoppedObserving(self, perspective: Any, observer: Any) -> None:
        self._observers.discard(observer)
