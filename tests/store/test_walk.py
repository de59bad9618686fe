"""
A random walk over everything that can happen to stored states, in any order.
"""

from __future__ import annotations

import gc
from copy import deepcopy
from typing import Any

import hypothesis.strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import SharedStateRealm
from pbrealm.client import SharedDictCopy
from pbrealm.errors import SaveFailed
from pbrealm.store import Store, decode_rows
from pbrealm.testing import MemoryServer, MemoryStorage
from tests.delivery.cases import StateAvatar
from tests.examples import run_walks
from tests.store.test_codec import typed

NAMES = ["alice", "bob"]

# Some are equal to others.
KEYS: list[Any] = [1, True, 1.0, "a", (1, 0), (True, False)]

which = st.integers(0, 1000)
names = st.sampled_from(NAMES)
keys = st.sampled_from(KEYS)
values = st.one_of(st.integers(0, 9), st.lists(st.integers(0, 9), max_size=3), st.text(max_size=3))

State = dict[str, dict[Any, Any]]


class Model:
    """
    What is in memory, being written, and on the disk, as it should be.

    Each is a version, with its number.  What is written is a version of the memory.
    """

    def __init__(self) -> None:
        self.memory: State = {name: {} for name in NAMES}
        self.writing: tuple[int, State] | None = None
        self.disk: tuple[int, State] = 0, deepcopy(self.memory)
        self.number = 0
        # The numbers of changes that were undone: from the first up to the second.
        self.undone: list[tuple[int, int]] = []

    def changed(self) -> int:
        """Note that the memory was changed, and return the number of that."""
        self.number += 1
        return self.number

    def begin(self) -> None:
        """The memory begins to be written."""
        assert self.writing is None
        self.writing = self.number, deepcopy(self.memory)

    def written(self) -> None:
        """What is being written is on the disk."""
        assert self.writing is not None
        self.disk, self.writing = self.writing, None

    def failed(self) -> None:
        """What is being written isn't on the disk, and what was changed since is lost too."""
        self.undone.append((self.disk[0], self.number))
        self.writing = None
        self.memory = deepcopy(self.disk[1])
        self.disk = self.changed(), self.disk[1]

    def is_undone(self, number: int) -> bool:
        """Whether a change was undone."""
        return any(first < number <= last for first, last in self.undone)


class ModelledStorage(MemoryStorage):
    """
    A storage that tells the model what becomes of each write.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def write(self, erased, rows):
        self.model.begin()
        return super().write(erased, rows)

    def _write(self, erased, rows):
        if self.broken is None:
            self.model.written()
        else:
            self.model.failed()
        return super()._write(erased, rows)


class Walk(RuleBasedStateMachine):
    """
    A server whose realm has stored states, clients with copies of them, a program that changes
    them, a storage that is slow or fails, and restarts.
    """

    @initialize(
        linger=st.sampled_from([None, 0, 20]),
        most=st.sampled_from([None, 0, 1]),
        slow=st.booleans(),
    )
    def start(self, linger, most, slow):
        # When a state is dropped must not depend on chance.
        gc.disable()
        self.options = {"linger": linger, "max_states": most}
        self.model = Model()
        self.storage = ModelledStorage(self.model)
        self.problems: list[str] = []
        if slow:
            self.storage.hold()
        self.begin()

    def begin(self):
        """Start the server."""
        self.clock = Clock()
        self.store = Store(self.storage, clock=self.clock)
        self.realm = SharedStateRealm(self.make_avatar, self.store.load, **self.options)
        # Whether a change has been recorded, and the number of each name's last one.
        self.recorded = False
        self.numbers = dict.fromkeys(NAMES, self.model.disk[0])
        commits: Any = self.store._commits
        commits.collecting = self.record(commits.collecting)
        self.server = MemoryServer(self.realm, dict.fromkeys(NAMES, "secret"), clock=self.clock)
        # Clients with their copies, and the states that the program keeps.
        self.clients: list[tuple[str, Any, Any, SharedDictCopy]] = []
        self.kept: dict[str, Any] = {}

    def record(self, collecting):
        def collecting_too():
            self.recorded = True
            return collecting()

        return collecting_too

    def make_avatar(self, name, state):
        return StateAvatar(name, state, 0)

    def state(self, name):
        """The state of a name, if it can be had now."""
        loaded: list[Any] = []
        self.store.load(name).addBoth(loaded.append)
        return loaded[0] if loaded and not isinstance(loaded[0], Failure) else None

    def wait(self, name, saved):
        """Check that what a program is told of the change that it has just made is so."""
        if self.recorded:
            self.recorded = False
            self.numbers[name] = self.model.changed()
        elif self.model.is_undone(self.numbers[name]):
            self.numbers[name] = self.model.disk[0]
        # If it was none, it's the last one that is waited for.
        number = self.numbers[name]

        def succeeded(_):
            if number > self.model.disk[0] or self.model.is_undone(number):
                self.problems.append(f"{number} is said to be saved")

        def failed(why):
            why.trap(SaveFailed)
            if not self.model.is_undone(number):
                self.problems.append(f"{number} is said to be undone")

        saved.addCallbacks(succeeded, failed)

    def change(self, name, change):
        """Change a state, and the model likewise."""
        state = self.state(name)
        if state is not None:
            change(state)
            change(self.model.memory[name])
            self.wait(name, state.saved())

    @rule(name=names, key=keys, value=values)
    def set(self, name, key, value):
        self.change(name, lambda state: state.__setitem__(key, deepcopy(value)))

    @rule(name=names, items=st.dictionaries(keys, values, max_size=4))
    def update(self, name, items):
        self.change(name, lambda state: state.update(deepcopy(items)))

    @rule(name=names, key=keys)
    def pop(self, name, key):
        self.change(name, lambda state: state.pop(key, None))

    @rule(name=names)
    def clear(self, name):
        self.change(name, lambda state: state.clear())

    @rule(name=names, key=keys, value=values)
    def change_within(self, name, key, value):
        def change(state):
            if isinstance(state.get(key), list):
                inner = state[key]
                inner.append(deepcopy(value))
                state[key] = inner

        self.change(name, change)

    @rule(giver=names, taker=names, key=keys)
    def move(self, giver, taker, key):
        """From one to another: on the disk, it is never with both, or neither."""
        states = self.state(giver), self.state(taker)
        if None not in states and giver != taker and key in states[0]:
            states[1][key] = states[0].pop(key)
            memory = self.model.memory
            memory[taker][key] = memory[giver].pop(key)
            self.wait(giver, states[0].saved())
            self.numbers[taker] = self.numbers[giver]

    @rule(name=names)
    def delete(self, name):
        # If it's being loaded, it is deleted after that.
        if self.storage.broken is None and name not in self.store._loading:
            deleted = self.store.delete(name)
            self.model.memory[name] = {}
            self.wait(name, deleted)

    @rule(name=names)
    def keep(self, name):
        self.kept[name] = self.state(name)

    @rule(name=names)
    def let_go(self, name):
        self.kept.pop(name, None)
        gc.collect()

    @rule(name=names)
    def log_in(self, name):
        state = self.state(name)
        if state is not None:
            client = self.server.connect()
            reference = client.login(name, "secret")
            copy = client.call(reference, "state")
            self.clients.append((name, client, reference, copy))

    @precondition(lambda self: self.clients)
    @rule(number=which)
    def leave(self, number):
        _, client, _, _ = self.clients.pop(number % len(self.clients))
        client.drop()
        self.server.clients.remove(client)

    @rule(name=names)
    def evict(self, name):
        self.realm.evict(name)

    @rule(seconds=st.sampled_from([0, 5, 30]))
    def advance(self, seconds):
        self.server.advance(seconds)

    @rule(hold=st.booleans())
    def hold_or_release(self, hold):
        if hold:
            self.storage.hold()
        else:
            self.storage.release()

    @rule(fails=st.booleans())
    def finish_write(self, fails):
        """What is being written is on the disk, or isn't."""
        broken = self.storage.broken
        self.storage.broken = "input/output error" if fails else None
        self.storage.release_one()
        self.storage.broken = broken

    @rule(broken=st.booleans())
    def break_or_mend(self, broken):
        self.storage.broken = "no space left on the device" if broken else None

    @rule(applied=st.booleans())
    def crash(self, applied):
        """The process is killed; what was being written is on the disk, or isn't."""
        if applied and self.storage.broken is None:
            self.storage.release_one()
        model = self.model
        model.writing = None
        model.memory = deepcopy(model.disk[1])
        rows = self.storage.rows
        self.storage.model = Model()
        self.storage = ModelledStorage(model)
        self.storage.rows = deepcopy(rows)
        self.begin()

    @rule()
    def close(self):
        """The server is stopped in order, and started again."""
        self.storage.release()
        closed: list[Any] = []
        self.store.close().addBoth(closed.append)
        assert closed == [None]
        assert self.model.writing is None
        assert self.model.disk[1] == self.model.memory
        self.begin()

    @invariant()
    def all_agree(self):
        if not hasattr(self, "server"):
            return
        self.server.flush()
        model = self.model
        for name, state in self.store._states.items():
            assert typed(dict(state)) == typed(model.memory[name]), name
        for name, _, _, copy in self.clients:
            assert typed(dict(copy)) == typed(model.disk[1][name]), name
        for name in NAMES:
            stored = decode_rows(name, self.storage.rows.get(name, {}).items()).items
            assert typed(stored) == typed(model.disk[1][name]), name

    @invariant()
    def what_was_told_is_so(self):
        assert getattr(self, "problems", []) == []

    def teardown(self):
        gc.enable()
        if hasattr(self, "store"):
            self.storage.broken = None
            self.storage.release()
            self.server.flush()
            assert self.model.disk[1] == self.model.memory
            self.what_was_told_is_so()


class WalkTests(SynchronousTestCase):
    def test_walk(self):
        run_walks(Walk, 40)
