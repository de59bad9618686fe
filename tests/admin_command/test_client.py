"""
What goes wrong between the command and the server.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectError, ConnectionLost, DNSLookupError
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from twisted.web.client import ResponseFailed

from pbrealm._admin_command.client import ANSWER_SECONDS
from pbrealm._admin_command.connection import DEFAULT_ENDPOINT
from pbrealm.admin._access import Access, Exposure
from pbrealm.admin._operations import Operation, Reply, Routes
from pbrealm.admin._problems import Problem
from tests.admin.memory_http import HOST
from tests.admin_command.command_case import CommandTestCase


class ClientTests(CommandTestCase):
    def test_cannot_connect(self):
        for failure, said in (
            (ConnectError(2, "No such file or directory"), "No such file or directory"),
            (DNSLookupError("no address"), "DNS lookup failed: no address"),
            (OSError(24, "Too many open files"), "[Errno 24] Too many open files"),
        ):
            self.connections.failure = failure
            self.assertEqual(
                self.command("sessions", status=3),
                f"pbrealm: unix:admin.sock can't be reached: {said}\n",
            )

    def test_hints(self):
        """Where it isn't said otherwise, it's said how to; and what may answer in another way."""
        client = self.make_client()
        client.where = DEFAULT_ENDPOINT
        self.connections.failure = ConnectError(2, "No such file or directory")
        self.make_client = lambda: client  # type: ignore[method-assign]
        self.assertEqual(
            self.command("sessions", status=3),
            "pbrealm: unix:/run/pbrealm/admin.sock can't be reached: No such file or directory; "
            "--admin or $PBREALM_ADMIN says where the administration listens\n",
        )
        for where, hint in (("tcp:a:1", "it has TLS"), ("tls:a:1", "it has no TLS")):
            client.where = where
            self.connections.failure = ResponseFailed([Failure(ConnectionLost())])
            said = self.command("sessions", status=3)
            self.assertIn(f"{where} doesn't answer: Connection to the other side was lost", said)
            self.assertIn(f"; perhaps that isn't the administration, or {hint}\n", said)

    def test_silent_server(self):
        """It isn't waited for without end."""
        self.connections.site = Factory.forProtocol(Protocol)
        for arguments in (("sessions",), ("events",)):
            run = self.start(*arguments)
            run.settle(ANSWER_SECONDS - 2, step=1)
            self.assertIsNone(run.status)
            run.settle(2, step=1)
            self.assertEqual(run.status, 3)
            self.assertEqual(run.err, "pbrealm: unix:admin.sock hasn't answered within 30 s\n")

    def test_interrupted(self):
        """Whatever the command waits for, that it is interrupted is no error of the server."""
        self.connections.site = Factory.forProtocol(Protocol)
        for arguments in (("sessions",), ("events",), ("drain", "--seconds", "5")):
            run = self.start(*arguments)
            run.running.cancel()
            run.settle()
            self.failureResultOf(run.running, CancelledError)
            self.assertEqual((run.status, run.err), (None, ""))

    def test_connection_lost(self):
        self.patch(self.connections, "flush", lambda: None)
        run = self.start("sessions")
        self.assertIsNone(run.status)
        for pump in self.connections.pumps:
            pump.clientIO.disconnect_done = True
            pump.clientIO.loseConnection()
            pump.flush()
        run.settle()
        self.assertEqual(run.status, 3)
        self.assertIn("unix:admin.sock doesn't answer: ", run.err)

    def answer(self, handler):
        """Have the server answer a request for the settings in another way."""
        operation = Operation("GET", "/api/settings", "Answer.", handler)
        self.service._listeners[0]._resource._routes = Routes([operation])

    def test_hostile_sentence(self):
        """Of a server that isn't trusted, nothing gets to the terminal as it is."""

        def refuse(call):
            raise Problem(409, "no\x1b[31m\r\nway")

        self.answer(refuse)
        self.assertEqual(self.command("settings", status=1), "pbrealm: no\\x1b[31m\\r\\nway\n")

    def test_not_json(self):
        for reply in (Reply(b"\xff"), Reply(b"", 500), Reply(b"[]", 500), Reply(b"{}", 302)):
            self.answer(lambda call, reply=reply: reply)
            said = self.command("settings", status=1)
            self.assertIn("isn't the administration of a server of pbrealm", said)


class TokenTests(CommandTestCase):
    def test_token(self):
        token = "0123456789abcdef"
        self.service._listeners[0]._resource.access = Access(
            HOST, Exposure.MACHINE, token.encode()
        )
        said = self.command("sessions", status=1)
        self.assertEqual(
            said,
            "pbrealm: a token is needed, in the file that --token-file or $PBREALM_TOKEN_FILE "
            "names\n",
        )
        self.token = token
        self.assertIn("AVATAR", self.command("sessions"))
        self.token = f"{token}x"
        self.assertEqual(self.command("sessions", status=1), "pbrealm: the token is wrong\n")
        self.assertEqual(self.command("events", status=1), "pbrealm: the token is wrong\n")
