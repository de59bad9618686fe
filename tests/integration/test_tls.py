"""
The front door over TLS, whose transport has ways of its own.
"""

from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from twisted.cred.credentials import UsernamePassword
from twisted.internet import reactor, ssl
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ClientEndpoint, wrapClientTLS
from twisted.spread import pb
from twisted.trial.unittest import TestCase

from pbrealm import CachingRealm, MindTrackingRealm, Reason, ServerFactory
from pbrealm.testing import make_portal
from tests.avatars import Player


def self_signed():
    """The options of a server that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    ) + certificate.public_bytes(Encoding.PEM)
    return ssl.PrivateCertificate.loadPEM(pem).options()


LARGE = b"x" * 600_000


class Told(pb.Referenceable):
    """A mind that fires when it's told goodbye."""

    def __init__(self):
        self.goodbye = Deferred()

    def remote_goodbye(self, code, text, reconnect):
        self.goodbye.callback(code)


class TLSTests(TestCase):
    timeout = 30

    def test_from_login_to_goodbye(self):
        """Logins, large answers and a gentle close work as they do over TCP."""
        return ensureDeferred(self.from_login_to_goodbye())

    async def from_login_to_goodbye(self):
        self.patch(Player, "perspective_later", lambda player: LARGE)
        realm = MindTrackingRealm(CachingRealm(Player))
        server = SSL4ServerEndpoint(reactor, 0, self_signed(), interface="127.0.0.1")
        factory = ServerFactory(make_portal(realm, {"alice": "secret"}))
        port = await server.listen(factory)
        client = pb.PBClientFactory()
        address = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)
        broker = await wrapClientTLS(ssl.CertificateOptions(), address).connect(client)
        lost = Deferred()
        broker.notifyOnDisconnect(lambda: lost.callback(None))
        told = Told()
        alice = await client.login(UsernamePassword(b"alice", b"secret"), told)
        answers = [alice.callRemote("later") for _ in range(5)]
        for answer in answers:
            self.assertEqual(await answer, LARGE)
        realm.sessions()[0].end(Reason.SHUTTING_DOWN)
        self.assertEqual(await told.goodbye, 8)
        await lost
        await port.stopListening()
        await factory.close()
