"""
The endpoints of --listen, and what the command says if it can't listen.
"""

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.protocol import ServerFactory
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pbrealm._command.cannot_start import CannotStart
from pbrealm._command.endpoints import NamedEndpoint, listen_endpoint
from tests.server.test_service import IN_USE, SlowEndpoint


class NamedEndpointTests(SynchronousTestCase):
    def listen(self):
        self.slow = SlowEndpoint()
        listening: Deferred[Any] = NamedEndpoint("tcp:8787", self.slow).listen(ServerFactory())
        return listening

    def test_interface(self):
        self.assertTrue(verifyObject(IStreamServerEndpoint, listen_endpoint("tcp:8787")))

    def test_listens(self):
        listening = self.listen()
        self.slow.listening.callback("port")
        self.assertEqual(self.successResultOf(listening), "port")

    def test_cannot_listen(self):
        """The cause is first, and it ends a program with status 1 and no traceback."""
        for why, cause in (
            (IN_USE, "Address already in use"),
            (CannotListenError("", 1, "odd"), "odd"),
            (
                CannotListenError(None, "a.sock", "Cannot acquire lock"),
                "another process listens there",
            ),
            (ValueError("no such relay."), "ValueError: no such relay"),
        ):
            listening = self.listen()
            self.slow.listening.errback(why)
            failure = self.failureResultOf(listening, CannotStart)
            sentence = f"pbrealm: {cause}: cannot listen on tcp:8787"
            self.assertEqual((failure.value.code, str(failure.value)), (sentence, sentence))
            self.assertIsInstance(failure.value, SystemExit)

    def test_cancelled(self):
        listening = self.listen()
        listening.cancel()
        self.failureResultOf(listening, CancelledError)

    def test_no_endpoint(self):
        why = self.assertRaises(UsageError, listen_endpoint, "tcp")
        self.assertEqual(
            str(why),
            "--listen must be an endpoint string such as tcp:8787, "
            "not 'tcp' (wrong or missing arguments)",
        )
