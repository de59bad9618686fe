"""
The states in memory, and the storage that keeps their rows.
"""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakValueDictionary

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from pbrealm._arguments import check_callable, described
from pbrealm._transitions import State, Transitions
from pbrealm._unsaved import counted
from pbrealm.errors import StoreClosed, StoreError, StoreUnusable
from pbrealm.store._commits import Commit, CommitQueue
from pbrealm.store._interface import IStore, Storage
from pbrealm.store._outcome import Outcome
from pbrealm.store._stored_dict import StoredDict

_log = Logger()


class _StoreState(State):
    NEW = "not opened yet"
    OPENING = "opening"
    OPEN = "open"
    CLOSED = "closed"


_transitions = Transitions(
    {
        _StoreState.NEW: [_StoreState.OPENING, _StoreState.CLOSED],
        _StoreState.OPENING: [_StoreState.OPEN, _StoreState.NEW],
        _StoreState.OPEN: [_StoreState.CLOSED],
        _StoreState.CLOSED: [],
    }
)


@implementer(IStore)
class Store:
    """
    Keeps one object for each name that is loaded, for as long as anybody else keeps it.

    The base of L{SQLiteStore<pbrealm.store.SQLiteStore>}, and of stores with another L{Storage}.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        state_class: Callable[..., StoredDict] = StoredDict,
        clock: IReactorTime | None = None,
    ) -> None:
        """
        @param storage: keeps the rows.
        @param state_class: the class of the states, a subclass of L{StoredDict}.
        @param clock: by default the global reactor.
        """
        check_callable("state_class", state_class)
        self._storage = storage
        self._state_class = state_class
        self._clock = clock
        self._commits = CommitQueue(self._write, clock)
        self._states: WeakValueDictionary[str, StoredDict] = WeakValueDictionary()
        self._loading: dict[str, Outcome[StoredDict]] = {}
        self._state = _StoreState.NEW
        self._opening: Outcome[None] = Outcome()
        self._closing: Outcome[None] | None = None

    def open(self) -> Deferred[None]:
        """
        Open the storage now, to learn at the start whether it can be used; otherwise the first
        call that needs it does this.

        @return: fires when it is open.  If it fails, the next call tries again.
        """
        if self._closing is not None:
            return fail(StoreClosed("the store is closed"))
        if self._state is _StoreState.NEW:
            self._state = _transitions.to(_StoreState.OPENING, self._state)
            self._opening = Outcome()
            opened = self._opening.wait()
            self._storage.open().addCallbacks(self._opened, self._not_opened)
            return opened
        return self._opening.wait()

    def load(self, name: str) -> Deferred[StoredDict]:
        """
        Get the state of a name; an empty one if there is none.

        @return: fires with the same object for everybody, as long as anybody keeps it, or it has
            changes that aren't saved.
        """
        _check_name(name)
        state = self._states.get(name)
        if state is not None:
            return succeed(state)
        loading = self._loading.get(name)
        if loading is None:
            loading = self._loading[name] = Outcome()
            loaded = loading.wait()
            Deferred.fromCoroutine(self._load(name)).addBoth(self._loaded, name)
            return counted(loaded)
        return counted(loading.wait())

    def names(self) -> Deferred[list[str]]:
        """The names whose states have items that are saved."""
        return counted(Deferred.fromCoroutine(self._names()))

    def delete(self, name: str) -> Deferred[None]:
        """
        Remove all items of a name, also if they are damaged.

        @return: fires once that is saved.
        """
        _check_name(name)
        return counted(Deferred.fromCoroutine(self._delete(name)))

    def saved(self) -> Deferred[None]:
        """
        Wait until all changes of all states so far are on the disk.

        @return: fires then.  Fails with L{SaveFailed<pbrealm.errors.SaveFailed>} if they were
            undone.
        """
        commit = self._commits.last()
        return succeed(None) if commit is None else commit.told()

    def close(self) -> Deferred[None]:
        """
        Save all changes so far, and close the store for good: it can't be used after this, and
        its states can't be changed.

        @return: fires when it is closed; never fails.
        """
        if self._closing is None:
            self._closing = Outcome()
            Deferred.fromCoroutine(self._close()).addBoth(self._closing.set)
        return self._closing.wait()

    async def _load(self, name: str) -> StoredDict:
        await self._get_ready()
        commit = self._commits.last(name)
        if commit is not None:
            # The name is being deleted.  Whether it was is seen from what is read.
            await commit.saved().addErrback(_ignore)
            if self._closing is not None:
                raise StoreClosed("the store is closed")
        try:
            contents = await self._storage.read(name)
        except StoreError as error:
            _log.error("{why}", why=str(error))
            raise
        state = self._state_class(name, contents, self._commits, clock=self._clock)
        self._states[name] = state
        return state

    def _loaded(self, state: StoredDict | Failure, name: str) -> None:
        self._loading.pop(name).set(state)

    async def _names(self) -> list[str]:
        await self._get_ready()
        return await self._storage.names()

    async def _delete(self, name: str) -> None:
        await self._get_ready()
        loading = self._loading.get(name)
        if loading is not None:
            await loading.wait().addErrback(_ignore)
        state = self._states.get(name)
        if state is not None:
            state.clear()
            await state.saved()
        else:
            commit = self._commits.collecting()
            commit.erased.add(name)
            await commit.saved()

    async def _close(self) -> None:
        if self._state is _StoreState.OPENING:
            await self._opening.wait().addErrback(_ignore)
        await self._commits.close()
        self._state = _transitions.to(_StoreState.CLOSED, self._state)
        try:
            await self._storage.close()
        except BaseException:
            _log.failure("a store can't be closed in order; what was saved is safe")

    async def _get_ready(self) -> None:
        try:
            await self.open()
        except StoreClosed:
            raise
        except StoreError as error:
            # Clients get this; what the matter is with which file isn't for them.
            _log.error("{why}", why=str(error))
            raise StoreUnusable("the store can't be used at present") from error

    def _opened(self, _: object) -> None:
        self._state = _transitions.to(_StoreState.OPEN, self._state)
        self._opening.set(None)

    def _not_opened(self, why: Failure) -> None:
        self._state = _transitions.to(_StoreState.NEW, self._state)
        self._opening.set(why)

    def _write(self, commit: Commit) -> Deferred[None]:
        return self._storage.write(commit.erased, commit.rows)


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise TypeError(f"a name must be a str, not {described(name)}")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ValueError(f"the name {name!r} can't be stored: it isn't valid Unicode") from None


def _ignore(_: object) -> None:
    """Go on, also after a failure."""
