"""
The login methods of docs/logins.md.
"""

import secrets
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ICredentials
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

import pbrealm
from pbrealm import CachingRealm, ServerFactory
from pbrealm.logins import account_name
from pbrealm.testing import MemoryServer
from tests.avatars import Player
from tests.documents import run_block


class IProof(ICredentials):
    """A proof of some kind."""


@implementer(IProof)
class Proof:
    def __init__(self, *parts: Any) -> None:
        self.parts = parts


@implementer(ICredentialsChecker)
class ProofChecker:
    credentialInterfaces = (IProof,)

    def __init__(self, *right: Any) -> None:
        self.right = right

    def requestAvatarId(self, credentials: Proof) -> Any:
        if credentials.parts != self.right:
            raise UnauthorizedLogin()
        return "alice"


class DocumentTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.checker = ProofChecker()
        self.names: dict[str, Any] = {
            **vars(pbrealm),
            "account_name": account_name,
            "implementer": implementer,
            "secrets": secrets,
            "portal": Portal(CachingRealm(Player), [self.checker]),
            "Token": Proof,
            "Response": Proof,
        }

    def check_login(self, factory: ServerFactory, log_in: Any) -> None:
        client = MemoryServer(CachingRealm(Player), factory=factory).connect()
        root = client.wait(client.factory.getRootObject())
        self.assertEqual(client.call(log_in(client, root), "greet"), "<1>hello alice")

    def test_token(self) -> None:
        self.checker.right = (b"t0ken",)
        factory = run_block("docs/logins.md", "class TokenLogin", self.names)["factory"]
        self.check_login(
            factory, lambda client, root: client.call(root, "loginToken", b"t0ken", None)
        )

    def test_keycard(self) -> None:
        def log_in(client: Any, root: Any) -> Any:
            # With None instead of a name, its attempts would be counted by the address only.
            self.assertRaises(pb.RemoteError, client.call, root, "login", None)
            challenge, keycard = client.call(root, "login", b"alice")
            self.checker.right = (b"alice", challenge, b"response")
            return client.call(keycard, "respond", b"response", None)

        names = run_block("docs/logins.md", "class KeycardLogin", self.names)
        methods = [names["KeycardLogin"]()]
        self.check_login(ServerFactory(names["portal"], login_methods=methods), log_in)
