"""
A small master for workers of buildbot.

It calls them as buildbot's master does: what buildbot has in C{buildbot.worker.protocols.pb}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.cred.portal import IRealm
from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IListeningPort
from twisted.spread import pb
from zope.interface import implementer

from pbrealm import (
    ConnectionLimitedRealm,
    DisposableRealm,
    IClientAware,
    IFullPolicy,
    ISession,
    JournalRealm,
    Limits,
    MindTrackingRealm,
    Reason,
    Refuse,
    ServerFactory,
    Session,
)
from pbrealm.testing import make_portal
from tests.integration.processes import Process
from tests.integration.waiting import wait_until

BUILDER = "linux"
"""The name of the one builder that every worker gets, and of its directory."""

WORKDIR = "build"
"""Where commands run, below the directory of the builder."""

NAME = "worker"
PASSWORD = "secret"


class Command(pb.Referenceable):
    """
    A command that runs at a worker, as the worker reports on it.

    @ivar completed: fires when the worker says that the command has ended.
    """

    def __init__(self) -> None:
        self.completed: Deferred[None] = Deferred()
        self._updates: list[Mapping[str, Any]] = []

    def remote_update(self, updates: Sequence[tuple[Mapping[str, Any], int]]) -> int:
        self._updates += [update for update, _ in updates]
        return max(number for _, number in updates)

    def remote_complete(self, failure: object = None) -> None:
        if failure is None:
            self.completed.callback(None)
        else:
            self.completed.errback(AssertionError(f"the command failed: {failure}"))

    def values(self, key: str) -> list[Any]:
        """What came under a key, in order."""
        return [update[key] for update in self._updates if key in update]

    def text(self, stream: str) -> str:
        """What came of C{"stdout"}, C{"stderr"} or C{"header"}."""
        return "".join(self.values(stream))

    @property
    def status(self) -> int:
        """The exit status."""
        (status,) = self.values("rc")
        assert isinstance(status, int)
        return status


class Upload(pb.Referenceable):
    """A file that a worker uploads."""

    def __init__(self) -> None:
        self.content = b""
        self.closed = False

    def remote_write(self, data: bytes) -> None:
        self.content += data

    def remote_close(self) -> None:
        self.closed = True


class Download(pb.Referenceable):
    """A file that a worker downloads."""

    def __init__(self, content: bytes) -> None:
        self._rest = content

    def remote_read(self, size: int) -> bytes:
        data, self._rest = self._rest[:size], self._rest[size:]
        return data

    def remote_close(self) -> None:
        pass


class Connection(pb.Avatar):
    """
    The avatar of one login of a worker.

    @ivar info: what the worker says of itself, its environment included.
    @ivar worker: the worker's process, once it is known.
    @ivar keepalives: how many the worker has sent.
    @ivar wants_shutdown: fires when the worker asks to be shut down.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.info: Mapping[str, Any] = {}
        self.version = ""
        self.builders: Mapping[str, Any] = {}
        self.keepalives = 0
        self.wants_shutdown: Deferred[None] = Deferred()
        self.worker: Process | None = None
        self._call: Callable[..., Any] | None = None
        self._commands = 0

    async def greet(self, call: Callable[..., Any]) -> None:
        """
        Ask the worker what it is, and give it its builder.

        @param call: calls a method of the worker's mind.
        """
        self._call = call
        await call("print", message="attached")
        self.info = await call("getWorkerInfo")
        self.version = await call("getVersion")
        self.builders = await call("setBuilderList", [(BUILDER, BUILDER)])

    async def begin(self, command: str, /, **arguments: object) -> Command:
        """Begin a build of one command; returns when the worker has started it."""
        await self._ask("startBuild")
        running = Command()
        self._commands += 1
        await self._ask("startCommand", running, str(self._commands), command, arguments)
        return running

    async def run(self, command: str, /, **arguments: object) -> Command:
        """Run a build of one command to its end."""
        running = await self.begin(command, **arguments)
        await self.completed(running)
        return running

    async def completed(self, running: Command) -> None:
        """Wait until a command has ended."""
        assert self.worker is not None
        await self.worker.wait_until_fired(running.completed, "the end of the command")

    async def shell(self, *command: str, **arguments: object) -> Command:
        """Run a build of one program."""
        return await self.run("shell", command=list(command), workdir=WORKDIR, **arguments)

    async def interrupt(self) -> None:
        """Stop the command that runs."""
        await self._ask("interruptCommand", str(self._commands), "by the test")

    async def _ask(self, method: str, *arguments: object) -> None:
        """Call the builder at the worker, which has to run until it answers."""
        assert self.worker is not None
        answer = self.builders[BUILDER].callRemote(method, *arguments)
        try:
            await self.worker.wait_until_fired(answer, f"an answer to {method}")
        except pb.PBConnectionLost as why:
            raise self.worker.error(f"no answer to {method}: {why!r}") from why

    def perspective_keepalive(self) -> None:
        self.keepalives += 1

    def perspective_shutdown(self) -> None:
        self.wants_shutdown.callback(None)


@implementer(IClientAware)
class AttachedConnection(Connection):
    """
    A L{Connection} for pbrealm's own realms.

    @ivar gone: why its session ended; L{None} until then.
    """

    gone: Reason | None = None

    async def attached(self, session: ISession) -> None:
        await self.greet(session.notify)

    def detached(self, session: ISession, reason: Reason) -> None:
        self.gone = reason


class Master:
    """
    A server for workers, which keeps its port when it is restarted.

    @ivar port: where it listens, after the first L{start}.
    @ivar factory: that of the current run.
    @ivar realm: that of the current run.
    """

    realm: MindTrackingRealm

    def __init__(
        self,
        *,
        on_full: IFullPolicy | None = None,
        limits: Limits | None = None,
        goodbye: str | None = None,
        password: str = PASSWORD,
        make_avatar: Callable[[str], Any] = AttachedConnection,
    ) -> None:
        """
        @param on_full: decides about a second worker of the same name.
        @param password: that of the worker.
        @param make_avatar: makes the avatar of each login.
        """
        self.port = 0
        self._on_full = on_full or Refuse()
        self._limits = limits or Limits()
        self._goodbye = goodbye
        self._password = password
        self._make_avatar = make_avatar
        self._listening: IListeningPort | None = None

    def make_realm(self) -> IRealm:
        """Make the realm of one run; for subclasses to override."""
        finding = DisposableRealm(self._make_avatar)
        self.realm = MindTrackingRealm(ConnectionLimitedRealm(finding, on_full=self._on_full))
        return JournalRealm(self.realm)

    async def start(self) -> None:
        """Listen, at the same port as before."""
        self.factory = ServerFactory(
            make_portal(self.make_realm(), {NAME: self._password}, anonymous=False),
            self._limits,
            goodbye=self._goodbye,
        )
        endpoint = TCP4ServerEndpoint(reactor, self.port, interface="127.0.0.1")
        self._listening = await endpoint.listen(self.factory)
        host = self._listening.getHost()
        assert isinstance(host, IPv4Address)
        self.port = host.port

    async def stop(self) -> None:
        """Stop listening, and close all connections.  Safe to repeat."""
        listening, self._listening = self._listening, None
        if listening is not None:
            await maybeDeferred(listening.stopListening)
            await self.factory.close()

    async def connected(self, worker: Process, *, besides: object = None) -> Session:
        """
        Wait for the session of a worker.

        @param worker: its process, which has to run until then.
        @param besides: a session that isn't meant.
        """

        def found() -> list[Session]:
            return [each for each in self.realm.sessions(NAME) if each is not besides]

        (session,) = await worker.wait_until(
            found, lambda sessions: len(sessions) == 1, "one session"
        )
        assert isinstance(session, Session)
        session.avatar.worker = worker
        return session


async def ended(session: ISession) -> Reason:
    """Wait for the end of a session, and return its reason."""
    reason = await wait_until(lambda: session.ended, bool, f"the end of {session}")
    assert isinstance(reason, Reason)
    return reason
