"""
The programs with login methods of their own.
"""

from __future__ import annotations

import hashlib
import hmac

from twisted.spread import pb

from tests.integration.examples.program_case import ProgramTestCase
from tests.integration.plain_client import Mind


class LoginMethodTestCase(ProgramTestCase):
    async def root(self) -> pb.RemoteReference:
        client = await self.connect()
        root: pb.RemoteReference = await client.factory.getRootObject()
        return root


class TokenLoginTests(LoginMethodTestCase):
    program = "token_login"

    async def test_a_password_gets_a_token(self) -> None:
        root = await self.root()
        alice = await root.callRemote("loginPassword", b"alice", b"secret", None)
        token = await alice.callRemote("make_token")
        again = await (await self.root()).callRemote("loginToken", token, None)
        self.assertEqual(await again.callRemote("greet"), "hello alice")

    async def test_wrong_passwords_and_tokens(self) -> None:
        root = await self.root()
        for method, guess in (
            ("loginPassword", (b"alice", b"guess")),
            ("loginPassword", (b"carol", b"secret")),
            ("loginToken", (b"guess",)),
        ):
            login = root.callRemote(method, *guess, None)
            why = await self.refused(login, "pbrealm.errors.WrongCredentials")
            self.assertEqual(why, "the name or the password is wrong (reason 4)")
        await self.process.wait_for(
            "login of an unknown account .*: there is no such token", "err"
        )

    async def test_perspective_brokers_own_login_is_left_out(self) -> None:
        why = await self.refused(self.login(), "pbrealm.errors.LoginRefused")
        self.assertEqual(why, "no login method has this name and number of arguments (reason 4)")


class KeycardLoginTests(LoginMethodTestCase):
    program = "keycard_login"

    async def log_in(self, name: bytes, password: bytes, wanted: bytes) -> pb.RemoteReference:
        root = await self.root()
        salt, challenge, keycard = await root.callRemote("login", name, wanted)
        key = hashlib.pbkdf2_hmac("sha256", password, salt, 100_000)
        response = hmac.digest(key, challenge, "sha256")
        held: pb.RemoteReference = await keycard.callRemote("respond", response, Mind())
        return held

    async def test_each_interface(self) -> None:
        listener = await self.log_in(b"bob", b"secret", b"listener")
        administrator = await self.log_in(b"alice", b"secret", b"administrator")
        await administrator.callRemote("play", "news")
        self.assertEqual(await listener.callRemote("listen"), "news, for bob")
        self.tracebacks = 1
        with self.assertRaises(pb.RemoteError):
            await listener.callRemote("play", "music")

    async def test_refusals(self) -> None:
        for name, password, wanted, error, text in (
            (b"alice", b"guess", b"listener", "WrongCredentials", "the name or the password"),
            (b"carol", b"secret", b"listener", "WrongCredentials", "the name or the password"),
            (b"alice", b"secret", b"os.system", "LoginRefused", "not a keycard"),
            (b"bob", b"secret", b"administrator", "LoginRefused", "bob is no administrator"),
        ):
            login = self.log_in(name, password, wanted)
            self.assertIn(text, await self.refused(login, f"pbrealm.errors.{error}"))
