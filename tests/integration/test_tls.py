"""
A session over TLS.
"""

from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from twisted.internet import reactor, ssl
from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ClientEndpoint, wrapClientTLS
from twisted.spread import pb
from twisted.trial.unittest import TestCase

from pbrealm import CachingRealm, MindTrackingRealm, Reason, ServerFactory
from pbrealm.testing import make_portal
from tests.avatars import Player
from tests.integration.plain_client import Mind, PlainClient


def self_signed() -> ssl.CertificateOptions:
    """The options of a server with a self-signed certificate."""
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
    options: ssl.CertificateOptions = ssl.PrivateCertificate.loadPEM(pem).options()
    return options


LARGE = b"x" * 600_000


class TLSTests(TestCase):
    timeout = 300

    async def test_login_large_answers_and_goodbye_work_as_over_tcp(self) -> None:
        self.patch(Player, "perspective_later", lambda player: LARGE)
        realm = MindTrackingRealm(CachingRealm(Player))
        server = SSL4ServerEndpoint(reactor, 0, self_signed(), interface="127.0.0.1")
        server_factory = ServerFactory(make_portal(realm, {"alice": "secret"}))
        port = await server.listen(server_factory)
        factory = pb.PBClientFactory()
        address = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)
        broker = await wrapClientTLS(ssl.CertificateOptions(), address).connect(factory)
        client = PlainClient(factory, broker)
        mind = Mind()
        alice = await client.login(mind=mind)
        answers = [alice.callRemote("later") for _ in range(5)]
        for answer in answers:
            self.assertEqual(await answer, LARGE)
        realm.sessions()[0].end(Reason.SHUTTING_DOWN)
        self.assertEqual((await mind.next_call("goodbye"))[1], 8)
        await client.lost
        await port.stopListening()
        await server_factory.close()
