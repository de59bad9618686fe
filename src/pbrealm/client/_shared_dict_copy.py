"""
The live copy of a shared dictionary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from functools import partial
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm._delivery.shared_dict import COPY_TYPE
from pbrealm._log_text import bounded_failure

_log = Logger()


class SharedDictCopy(pb.RemoteCache, Mapping[Any, Any]):
    """
    A client's live copy of a L{SharedDict<pbrealm.SharedDict>}: a read-only mapping.
    """

    # Mapping compares by content, and so would set this to None.
    __hash__ = pb.RemoteCache.__hash__

    def __getitem__(self, key: Any) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        stale = ", stale" if self.stale else ""
        return f"<SharedDictCopy {self._items!r}{stale}>"

    @property
    def stale(self) -> bool:
        """
        Whether no changes come any more, because the connection is lost, or because the server has
        ended the session that the copy was got through.
        """
        broker: Any = self.broker
        return self._ended or (broker is not None and bool(broker.disconnected))

    def on_change(self, callback: Callable[[Set[Any]], object]) -> Callable[[], None]:
        """
        Have C{callback(keys)} called after each change, with the keys that were set or removed.

        There is one call for each message of the server.  An exception in it is logged.

        @return: ends this when it is called.
        """
        subscription = _Subscription(callback)
        self._subscriptions.append(subscription)
        return partial(_remove, self._subscriptions, subscription)

    def setCopyableState(self, state: dict[str, Any]) -> None:
        """The server sends all items, at first or once more."""
        earlier = vars(self).get("_items")
        self._items: dict[Any, Any] = state["items"]
        self._ended = False
        if earlier is None:
            self._subscriptions: list[_Subscription] = []
        elif changed := _difference(earlier, self._items):
            self._changed(changed)

    def observe_update(self, items: dict[Any, Any]) -> None:
        """The server has set these items."""
        self._items.update(items)
        self._changed(items)

    def observe_remove(self, keys: list[Any]) -> None:
        """The server has removed these keys."""
        for key in keys:
            self._items.pop(key, None)
        self._changed(keys)

    def observe_end(self) -> None:
        """The server has ended the session that this was got through."""
        self._ended = True

    def _changed(self, keys: Iterable[Any]) -> None:
        if not self._subscriptions:
            return
        changed = frozenset(keys)
        for subscription in self._subscriptions[:]:
            # Another may have ended it just now.
            if subscription not in self._subscriptions:
                continue
            try:
                subscription.callback(changed)
            except BaseException:
                why = bounded_failure(Failure())
                _log.failure("{callback} failed at a change", why, callback=subscription.callback)


class _Subscription:
    """
    One call of C{on_change}.
    """

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[Set[Any]], object]) -> None:
        self.callback = callback


def _remove(subscriptions: list[_Subscription], subscription: _Subscription) -> None:
    if subscription in subscriptions:
        subscriptions.remove(subscription)


def _difference(earlier: dict[Any, Any], items: dict[Any, Any]) -> set[Any]:
    """The keys that are in one of two dictionaries only, or whose values differ."""
    return {
        key
        for key in earlier.keys() | items.keys()
        if key not in earlier or key not in items or earlier[key] != items[key]
    }


pb.setUnjellyableForClass(COPY_TYPE.decode("ascii"), SharedDictCopy)
