"""
The Containerfile, as far as it can be tried without an engine that runs containers.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sysconfig
from inspect import signature
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from pbrealm import Limits, ServerFactory
from pbrealm._admin_command.connection import DEFAULT_ENDPOINT
from pbrealm._session.connection import CLOSE_TIMEOUT
from tests.documents import block, blocks
from tests.integration.command_case import Server
from tests.integration.plain_client import Mind
from tests.integration.processes import ANY_PORT, ROOT, Process
from tests.integration.test_client_program import PlayersTestCase

CONTAINERFILE = ROOT.joinpath("Containerfile").read_text("utf-8")


def instructions(text: str) -> list[tuple[str, str]]:
    """The instructions of a Containerfile, each with what follows its name."""
    without_comments = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    lines = re.sub(r"\\\n", " ", without_comments).splitlines()
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines) if name]


def only(name: str, text: str = CONTAINERFILE) -> str:
    """What follows an instruction that is there once."""
    (found,) = [rest for each, rest in instructions(text) if each == name]
    return found


class ImageTests(SynchronousTestCase):
    def test_base(self):
        """It's the same of both stages, by its tag, with a Python that is supported."""
        images = {rest.split()[0] for name, rest in instructions(CONTAINERFILE) if name == "FROM"}
        (image,) = images
        match = re.fullmatch(r"docker\.io/library/python:(3\.\d+)-slim-\w+", image)
        assert match is not None, image
        supported = ROOT.joinpath("pyproject.toml").read_text("utf-8")
        self.assertIn(f"Python :: {match[1]}", supported)

    def test_sources(self):
        """What is copied from the checkout is there."""
        copied = [rest.split() for name, rest in instructions(CONTAINERFILE) if name == "COPY"]
        sources = [part for *parts, _ in copied if parts[0][0] != "-" for part in parts]
        self.assertIn("src", sources)
        for source in sources:
            self.assertTrue(ROOT.joinpath(source).exists(), source)

    def test_user(self):
        """The server isn't run by root, and may write where it has to."""
        uid, _, gid = only("USER").partition(":")
        self.assertEqual(uid, gid)
        self.assertGreater(int(uid), 1000)
        runs = [rest for name, rest in instructions(CONTAINERFILE) if name == "RUN"]
        (made,) = [rest for rest in runs if rest.startswith("useradd ")]
        self.assertIn(f"--uid {uid} ", made)
        (directories,) = [rest for rest in runs if rest.startswith("install ")]
        self.assertIn(f" {only('VOLUME')}", directories)
        self.assertIn(f" {Path(DEFAULT_ENDPOINT.removeprefix('unix:')).parent} ", directories)

    def test_document(self):
        """The options of the document suit the server, and name what the image has."""
        (run,) = [each for each in blocks("docs/deployment.md", "console") if "podman run" in each]
        seconds = re.search(r"--stop-timeout (\d+)", run)
        files = re.search(r"--ulimit nofile=(\d+):\1", run)
        assert seconds is not None and files is not None
        patience = signature(ServerFactory.close).parameters["patience"].default
        self.assertGreater(int(seconds[1]), patience + CLOSE_TIMEOUT)
        self.assertGreater(int(files[1]), Limits().connections + 20)
        self.assertIn(f":{only('VOLUME')} ", run)
        self.assertIn(f":{only('EXPOSE')} ", run)


class EntrypointTests(PlayersTestCase):
    """
    The server as the process 1 of a namespace, as in a container.
    """

    def setUp(self) -> None:
        super().setUp()
        program = shutil.which("unshare")
        if program is None:
            raise SkipTest("there is no unshare here")
        user = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
        self.namespace = [program, *user, "--pid", "--fork", "--kill-child"]
        tried = subprocess.run([*self.namespace, "true"], capture_output=True, text=True)
        if tried.returncode:
            raise SkipTest(f"namespaces are not permitted here: {tried.stderr.strip()}")
        self.write("passwords", "alice:secret\n")
        os.mkdir(f"{self.directory}/run")
        # As the image has it, the command's default.
        admin = self.here(DEFAULT_ENDPOINT)
        path = f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"
        self.environment = {"PATH": path, "PBREALM_ADMIN": admin}

    def here(self, part: str) -> str:
        """A part of a command of the image, with the paths and the port of this test."""
        for path, local in (
            ("/run/secrets", self.directory),
            ("/run/pbrealm", f"{self.directory}/run"),
            (only("VOLUME"), self.directory),
            (f"tcp:{only('EXPOSE')}", ANY_PORT),
        ):
            part = part.replace(path, local)
        return part

    async def run_image(self, *arguments: str) -> Server:
        """Run the entry point."""
        command = [self.here(part) for part in [*json.loads(only("ENTRYPOINT")), *arguments]]
        process = self.stop_after_test(
            Process([*self.namespace, *command], self.directory, self.environment)
        )
        match = await process.wait_for(r'"address": "127\.0\.0\.1:(\d+)"')
        await process.wait_for("the administration listens on")
        return Server(process, int(match[1]))

    def kill(self, server: Server, name: str) -> None:
        """Send a signal to the process 1 of the namespace."""
        pid = server.process.pid
        (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
        os.kill(int(child), getattr(signal, name))

    async def health(self) -> int:
        """The exit status of the health check."""
        command = only("HEALTHCHECK").partition(" CMD ")[2]
        check = Process(["/bin/sh", "-c", command], self.directory, self.environment)
        status = await self.stop_after_test(check).wait()
        self.assertEqual(check.out, "")
        return status

    async def test_it_serves_and_drains(self):
        """With the arguments of the document, until the signal by which engines stop it."""
        derived = block("docs/deployment.md", "COPY players.py", "dockerfile")
        self.assertNotEqual(await self.health(), 0)
        server = await self.run_image(*json.loads(only("CMD", derived)))
        self.assertEqual(await self.health(), 0)
        mind = Mind()
        player = await self.log_in(server, "alice", mind=mind)
        self.assertEqual(await player.callRemote("greet"), "hello alice")
        self.kill(server, only("STOPSIGNAL"))
        self.assertEqual(await mind.next_call(), ("goodbye", 8, "shutting down", True))
        # Process 1 isn't ended by a signal that it sends itself.
        self.assertEqual(await server.process.wait(), 0)
        self.assertNotEqual(await self.health(), 0)

    async def test_it_starts_again_after_a_crash(self):
        """Although the socket of the administration, its lock and the store are still there."""
        options = ("--demo", "--store", f"{only('VOLUME')}/demo.db")
        for number in (1, 2):
            server = await self.run_image(*options)
            self.assertEqual(await self.health(), 0)
            demo = await self.log_in(server, "alice", mind=Mind())
            self.assertIn(f"greeting number {number};", await demo.callRemote("greet"))
            self.kill(server, "SIGKILL")
            await server.process.wait()
            self.assertTrue(os.path.islink(f"{self.directory}/run/admin.sock.lock"))
