"""
The options of the administration.
"""

from __future__ import annotations

import builtins
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from twisted.internet.address import IPv4Address
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._command.admin_service import CommandAdminService
from pbrealm._command.cannot_start import CannotStart
from pbrealm._command.endpoints import NamedEndpoint
from pbrealm._command.service import CommandService, makeService
from tests.admin.admin_case import MemoryEndpoint
from tests.command.option_cases import parse

TOKEN = "0123456789abcdef"


class AdminOptionTests(SynchronousTestCase):
    def token_file(self, content: bytes) -> str:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        path = Path(directory.name, "token")
        path.write_bytes(content)
        return str(path)

    def services(self, *arguments: str) -> list[Any]:
        return list(makeService(parse("--demo", *arguments)))

    def error(self, *arguments: str) -> str:
        return str(self.assertRaises(UsageError, parse, *arguments))

    def test_off(self):
        (service,) = self.services()
        self.assertIsInstance(service, CommandService)

    def test_on(self):
        token = self.token_file(TOKEN.encode() + b"\n")
        admin, service = self.services(
            "--admin", "tcp:0:interface=127.0.0.1", "--admin-token", token
        )
        self.assertIsInstance(service, CommandService)
        self.assertIsInstance(admin, CommandAdminService)
        options = parse("--demo", "--admin", "tcp:1", "--admin-token", token).admin
        assert options is not None
        self.assertEqual((options.token, options.hosts, options.insecure), (TOKEN, (), False))

    def test_several(self):
        kinds = [
            type(each) for each in self.services("--admin", "unix:a.sock", "--admin", "tcp:1")
        ]
        self.assertEqual(kinds, [CommandAdminService, CommandService])
        options = parse("--demo", "--admin", "unix:a.sock", "--admin", "tcp:1").admin
        assert options is not None
        self.assertEqual([each.name for each in options.endpoints], ["unix:a.sock", "tcp:1"])
        self.assertEqual(
            self.error("--demo", "--admin", "unix:a.sock", "--admin", "unix:a.sock"),
            "--admin unix:a.sock is there twice",
        )

    def test_hosts(self):
        options = parse(
            "--demo", "--admin", "tcp:1", "--admin-host", "a", "--admin-host", "b"
        ).admin
        assert options is not None
        self.assertEqual(options.hosts, ("a", "b"))

    def test_wrong(self):
        missing = "/nowhere/token"
        cases: Iterable[tuple[Iterable[str], str]] = (
            (["--admin", "nonsense"], "--admin must be an endpoint string such as unix:/run/"),
            (["--admin-insecure"], "--admin-insecure needs --admin"),
            (["--admin-token", "x"], "--admin-token needs --admin"),
            (["--admin-host", "x"], "--admin-host needs --admin"),
            (
                ["--admin", "tcp:1", "--admin-host", "http://a.example"],
                "--admin-host must be a name without a scheme or a port, such as admin.example, "
                "not 'http://a.example'",
            ),
            (["--admin", "tcp:1", "--admin-token", missing], "can't be read: No such file"),
            (
                ["--admin", "tcp:1", "--admin-token", self.token_file(b"short")],
                "token must have 16 characters or more",
            ),
            (
                ["--admin", "tcp:1", "--admin-token", self.token_file(b"\xff" * 20)],
                "it isn't ASCII",
            ),
        )
        for arguments, sentence in cases:
            self.assertIn(sentence, self.error("--demo", *arguments))

    def test_not_installed(self):
        """It's one sentence that says what to install."""
        real = builtins.__import__

        def without(name: str, *arguments: Any) -> Any:
            if name == "pbrealm.admin._service":
                raise ImportError("pbrealm.admin needs x: install it with pip install y")
            return real(name, *arguments)

        with patch.object(builtins, "__import__", without):
            self.assertEqual(
                self.error("--demo", "--admin", "tcp:1"),
                "--admin can't be used: pbrealm.admin needs x: install it with pip install y",
            )

    def test_open_to_all(self):
        """Where everybody could get in, the command doesn't start."""
        options = parse("--demo", "--admin", "tcp:0:interface=127.0.0.1")
        endpoint: Any = MemoryEndpoint(IPv4Address("TCP", "192.0.2.1", 1))
        assert options.admin is not None
        options.admin = replace(options.admin, endpoints=(NamedEndpoint("tcp:1", endpoint),))
        service: Any = makeService(options)
        admin, _ = service
        why = self.assertRaises(CannotStart, admin.privilegedStartService)
        self.assertIn("pbrealm: the administration needs a token", str(why.code))
