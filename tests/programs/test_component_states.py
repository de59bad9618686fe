"""
The components of a streaming server, and those who administrate them, as in Flumotion.

The state of all components is a L{pb.Cacheable} that holds others, and grows while it is observed.
Administrators pass copies of it back to say which component they mean.  Clients log in again with
each connection that is made.
"""

from __future__ import annotations

from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import UsernamePassword
from twisted.cred.portal import IRealm
from twisted.internet.task import Clock
from twisted.spread import pb
from zope.interface import implementer

from tests.programs.cases import ProgramTestCase, Served


class SleepingError(pb.Error):
    """A component is asleep."""


class State(pb.Cacheable):
    """Values that others observe."""

    def __init__(self, **values):
        self.values = values
        self.observers: list[Any] = []

    def getStateToCacheAndObserveFor(self, perspective, observer):
        self.observers.append((perspective, observer))
        return self.values

    def stoppedObserving(self, perspective, observer):
        self.observers = [each for each in self.observers if each[0] is not perspective]

    def set(self, key, value):
        self.values[key] = value
        for _, observer in self.observers:
            observer.callRemote("set", key, value)

    def append(self, key, value):
        self.values[key].append(value)
        for _, observer in self.observers:
            observer.callRemote("append", key, value)


class RemoteState(pb.RemoteCache):
    """A client's copy of a L{State}."""

    values: dict[str, Any]

    def setCopyableState(self, state):
        self.values = state

    def observe_set(self, key, value):
        self.values[key] = value

    def observe_append(self, key, value):
        self.values[key].append(value)


pb.setUnjellyableForClass(State, RemoteState)


class Component(pb.Avatar):
    """One component, which its mind controls."""

    def __init__(self, name, manager, mind):
        self.manager = manager
        self.mind = mind
        self.state = State(name=name, mood="happy")
        manager.components[name] = self
        manager.state.append("components", self.state)

    def logout(self):
        del self.manager.components[self.state.values["name"]]
        self.state.set("mood", "lost")


class Administrator(pb.Avatar):
    """One who controls components by way of the manager."""

    def __init__(self, manager):
        self.manager = manager

    def perspective_state(self):
        return self.manager.state

    def perspective_call(self, state, method, *args, **kw):
        assert type(state) is State
        return self.manager.components[state.values["name"]].mind.callRemote(method, *args, **kw)

    def perspective_disconnect(self, state):
        mind = self.manager.components[state.values["name"]].mind
        mind.broker.transport.loseConnection()


@implementer(IRealm)
class Manager:
    """The program."""

    def __init__(self):
        self.components: dict[str, Component] = {}
        self.state = State(components=[])

    def requestAvatar(self, avatarId, mind, *interfaces):
        if avatarId in (b"admin", "admin"):
            return pb.IPerspective, Administrator(self), lambda: None
        name = avatarId if isinstance(avatarId, str) else avatarId.decode()
        component = Component(name, self, mind)
        return pb.IPerspective, component, component.logout


class Medium(pb.Referenceable):
    """
    A client's mind.

    @ivar received: the methods that were called.
    @ivar remote: the reference to the avatar, while there is a connection.
    """

    def __init__(self):
        self.received: list[str] = []
        self.remote: Any = None

    def set_remote(self, remote):
        self.remote = remote
        remote.notifyOnDisconnect(self._lost)

    def _lost(self, remote):
        self.remote = None

    def remoteMessageReceived(self, broker, message, args, kw):
        self.received.append(message)
        return super().remoteMessageReceived(broker, message, args, kw)

    def remote_describe(self, depth, *, long=False):
        return {"depth": depth, "long": long}

    def remote_wake(self):
        raise SleepingError("asleep")


class ReconnectingFactory(pb.PBClientFactory):
    """Logs in with each connection that is made."""

    def __init__(self, name, medium):
        super().__init__()
        self.name = name
        self.medium = medium

    def clientConnectionMade(self, broker):
        super().clientConnectionMade(broker)
        credentials = UsernamePassword(self.name, b"secret")
        self.login(credentials, self.medium).addCallback(self.medium.set_remote)


class ComponentTests(ProgramTestCase):
    def setUp(self):
        self.manager = Manager()
        checker = InMemoryUsernamePasswordDatabaseDontUse()
        for name in (b"admin", b"camera", b"encoder"):
            checker.addUser(name, b"secret")
        self.serve(self.manager, [checker], Clock())
        self.admin = self.server.connect()
        self.perspective = self.admin.login("admin", "secret")
        self.state = self.admin.call(self.perspective, "state")

    def connect(self, name):
        """Connect a component."""
        medium = Medium()
        factory = ReconnectingFactory(name, medium)
        return self.server.connect(factory), medium, factory

    def states(self):
        """The administrator's copies."""
        return self.state.values["components"]

    def test_state_grows_while_it_is_observed(self):
        camera, _, _ = self.connect(b"camera")
        self.connect(b"encoder")
        named = [state.values["name"] for state in self.states()]
        self.assertEqual(named, ["camera", "encoder"])
        self.assertIsInstance(self.states()[0], RemoteState)
        camera.leave()
        self.assertEqual([each.values["mood"] for each in self.states()], ["lost", "happy"])

    def test_copies_are_passed_back(self):
        _, medium, _ = self.connect(b"camera")
        (state,) = self.states()
        answer = self.admin.call(self.perspective, "call", state, "describe", 3, long=True)
        self.assertEqual(answer, {"depth": 3, "long": True})
        self.assertEqual(medium.received, ["describe"])

    def test_error_of_a_component_reaches_the_administrator(self):
        self.connect(b"camera")
        (state,) = self.states()
        failing = self.perspective.callRemote("call", state, "wake")
        self.assertIn("asleep", self.remote_error(SleepingError, failing))

    def test_component_logs_in_with_each_connection(self):
        client, medium, factory = self.connect(b"camera")
        for _ in range(3):
            self.assertIsNotNone(medium.remote)
            self.perspective.callRemote("disconnect", self.states()[-1])
            self.server.flush()
            self.assertFalse(client.connected)
            self.assertIsNone(medium.remote)
            self.assertEqual(self.manager.components, {})
            client = self.server.connect(factory)
        self.assertEqual([each.values["mood"] for each in self.states()], ["lost"] * 3 + ["happy"])

    def test_administrator_that_leaves_observes_no_more(self):
        self.connect(b"camera")
        self.admin.leave()
        self.assertEqual(self.manager.state.observers, [])
        self.assertEqual(self.manager.components["camera"].state.observers, [])


class ProtectedComponentTests(ComponentTests):
    served = Served.PROTECTED


class WrappedComponentTests(ComponentTests):
    served = Served.WRAPPED
