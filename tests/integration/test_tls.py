"""
A session over TLS.
"""

from typing import Any

from cryptography.x509.oid import NameOID
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ICredentials
from twisted.cred.portal import Portal
from twisted.internet import reactor, ssl
from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ClientEndpoint, wrapClientTLS
from twisted.spread import pb
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from pbrealm import (
    CachingRealm,
    ILoginClient,
    ILoginMethod,
    Login,
    LoginRefused,
    MindTrackingRealm,
    Reason,
    ServerFactory,
)
from pbrealm.testing import make_portal
from tests.avatars import Player
from tests.integration.certificates import key_with_certificate
from tests.integration.plain_client import Mind, PlainClient


def self_signed(name: str = "localhost") -> ssl.PrivateCertificate:
    """A self-signed certificate."""
    certificate: ssl.PrivateCertificate = ssl.PrivateCertificate.loadPEM(
        key_with_certificate(name)
    )
    return certificate


LARGE = b"x" * 600_000


class IName(ICredentials):
    """A name that the transport vouches for."""


@implementer(IName)
class Name:
    def __init__(self, name: str) -> None:
        self.name = name


@implementer(ICredentialsChecker)
class NameChecker:
    credentialInterfaces = (IName,)

    def requestAvatarId(self, credentials: Name) -> Any:
        return credentials.name


@implementer(ILoginMethod)
class CertificateLogin:
    """Logs in whoever the client's certificate names; TLS has checked the certificate."""

    name = "loginCertificate"

    def begin(self, client: ILoginClient, mind: object) -> Login:
        certificate = client.transport.getPeerCertificate()
        if certificate is None:
            raise LoginRefused("a login needs a certificate")
        subject = certificate.to_cryptography().subject
        (name,) = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return Login(Name(name.value), mind)


class TLSTests(TestCase):
    timeout = 300

    async def test_login_large_answers_and_goodbye_work_as_over_tcp(self) -> None:
        self.patch(Player, "perspective_later", lambda player: LARGE)
        realm = MindTrackingRealm(CachingRealm(Player))
        server = SSL4ServerEndpoint(reactor, 0, self_signed().options(), interface="127.0.0.1")
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

    async def test_login_method_that_asks_for_the_certificate_of_the_client(self) -> None:
        certificate = self_signed("alice")
        trusting = self_signed().options(certificate)
        server = SSL4ServerEndpoint(reactor, 0, trusting, interface="127.0.0.1")
        portal = Portal(CachingRealm(Player), [NameChecker()])
        server_factory = ServerFactory(portal, login_methods=[CertificateLogin()])
        port = await server.listen(server_factory)
        factory = pb.PBClientFactory()
        address = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)
        await wrapClientTLS(certificate.options(), address).connect(factory)
        root = await factory.getRootObject()
        alice = await root.callRemote("loginCertificate", None)
        self.assertEqual(await alice.callRemote("greet"), "<1>hello alice")
        alice.broker.transport.loseConnection()
        await port.stopListening()
        await server_factory.close()
