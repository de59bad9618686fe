"""
What --auth makes, against real challenges.
"""

import os
import tempfile
from hashlib import md5

from twisted.cred.checkers import AllowAnonymousAccess, ICredentialsChecker
from twisted.cred.credentials import Anonymous, IUsernameHashedPassword
from twisted.cred.error import LoginDenied, UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.cred.strcred import makeChecker
from twisted.internet.defer import fail, succeed
from twisted.python.usage import UsageError
from twisted.spread import pb
from twisted.spread.pb import IUsernameMD5Password
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from pbrealm import DisposableRealm, WrongCredentials
from pbrealm._command.checkers import (
    PASSWORD_INTERFACES,
    CheckerChain,
    chain_checkers,
    make_checker,
    memory_checker,
)
from pbrealm._command.demo import DemoAvatar
from pbrealm._server.factory import ServerFactory
from pbrealm.testing import MemoryServer


@implementer(ICredentialsChecker)
class MD5Checker:
    """Knows the digest of a password only, as IUsernameMD5Password permits."""

    credentialInterfaces = (IUsernameMD5Password,)

    def requestAvatarId(self, credentials):
        right = credentials.username == b"dora" and credentials.checkMD5Password(
            md5(b"explorer").digest()
        )
        return succeed(b"dora") if right else fail(UnauthorizedLogin())


@implementer(ICredentialsChecker)
class DenyingChecker:
    credentialInterfaces = (IUsernameHashedPassword,)

    def requestAvatarId(self, credentials):
        raise LoginDenied("this account is closed")


class CheckerTests(SynchronousTestCase):
    def server(self, *checkers):
        portal = Portal(DisposableRealm(DemoAvatar), chain_checkers(checkers))
        return MemoryServer(portal.realm, factory=ServerFactory(portal))

    def greeting(self, server, *account):
        client = server.connect()
        perspective = client.login(*account)
        greeting = client.call(perspective, "greet")
        client.leave()
        return greeting

    def assertRefused(self, server, *account):
        why = self.assertRaises(pb.RemoteError, server.connect().login, *account)
        self.assertIn("the name or the password is wrong", str(why))

    def password_file(self, text):
        handle, name = tempfile.mkstemp()
        self.addCleanup(os.remove, name)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        return name

    def test_interface(self):
        self.assertTrue(verifyObject(ICredentialsChecker, CheckerChain([], PASSWORD_INTERFACES)))

    def test_strcred_alone(self):
        """What strcred makes of memory: can't log anybody in over PB."""
        checker = makeChecker("memory:alice:secret")
        portal = Portal(DisposableRealm(DemoAvatar), [checker])
        server = MemoryServer(portal.realm, factory=ServerFactory(portal))
        self.assertRefused(server, "alice", "secret")

    def test_memory(self):
        server = self.server(make_checker("memory:alice:secret:ünal:pässword"))
        self.assertIn("hello alice", self.greeting(server, "alice", "secret"))
        self.assertIn("hello ünal", self.greeting(server, "ünal", "pässword"))
        self.assertRefused(server, "alice", "wrong")

    def test_file(self):
        """Changes to it count from the next login on, wherever the process has gone since."""
        name = self.password_file("alice:secret\nbob:hunter2\n")
        here = os.getcwd()
        self.addCleanup(os.chdir, here)
        os.chdir(os.path.dirname(name))
        server = self.server(make_checker(f"file:{os.path.basename(name)}"))
        os.chdir(here)
        self.assertIn("hello bob", self.greeting(server, "bob", "hunter2"))
        self.assertRefused(server, "carol", "pw")
        with open(name, "a", encoding="utf-8") as file:
            file.write("carol:pw\n")
        self.assertIn("hello carol", self.greeting(server, "carol", "pw"))

    def test_file_without_a_usable_line(self):
        """That nobody could log in is said at once, and where to look."""
        for text in ("", "\n", "alice secret\n", ":secret\n"):
            name = self.password_file(text)
            why = self.assertRaises(UsageError, make_checker, f"file:{name}")
            self.assertEqual(str(why), f"--auth file finds no line like name:password in {name}")
        make_checker("file:" + self.password_file("# who may log in\nalice:secret\n"))

    def test_file_that_cannot_be_read(self):
        """The whole path is given, since twistd may have been started anywhere."""
        missing = os.path.abspath("no such file")
        for name, cause in (
            ("no such file", f"{missing}: No such file or directory"),
            (tempfile.gettempdir(), f"{tempfile.gettempdir()}: Is a directory"),
        ):
            why = self.assertRaises(UsageError, make_checker, f"file:{name}")
            self.assertEqual(str(why), f"--auth file can't read {cause}")

    def test_file_gone(self):
        """One whose file has gone doesn't keep the others from being asked."""
        name = self.password_file("alice:secret\n")
        checker = make_checker(f"file:{name}")
        os.rename(name, f"{name}.old")
        self.addCleanup(os.rename, f"{name}.old", name)
        server = self.server(checker, memory_checker({"bob": "secret"}))
        self.assertIn("hello bob", self.greeting(server, "bob", "secret"))

    def test_in_turn(self):
        """The portal alone would keep only the last of two."""
        server = self.server(
            make_checker("memory:alice:one"), make_checker("memory:alice:two:bob:three")
        )
        for account in (("alice", "one"), ("alice", "two"), ("bob", "three")):
            self.assertIn(f"hello {account[0]}", self.greeting(server, *account))
        self.assertRefused(server, "bob", "one")

    def test_two_interfaces(self):
        """Either kind of password checker is asked, whichever comes first."""
        checkers = [MD5Checker(), make_checker("memory:alice:secret")]
        for order in (checkers, checkers[::-1]):
            server = self.server(*order)
            self.assertIn("hello alice", self.greeting(server, "alice", "secret"))
            self.assertIn("hello dora", self.greeting(server, "dora", "explorer"))
            self.assertRefused(server, "dora", "secret")

    def test_denied(self):
        """Who is known and not let in isn't looked for any further."""
        server = self.server(DenyingChecker(), make_checker("memory:alice:secret"))
        why = self.assertRaises(pb.RemoteError, server.connect().login, "alice", "secret")
        self.assertEqual(str(why), "the login was refused (reason 4)")

    def test_anonymous_apart(self):
        """Letting guests in lets nobody in who gives a wrong password."""
        server = self.server(make_checker("memory:alice:secret"), AllowAnonymousAccess())
        self.assertRefused(server, "alice", "wrong")
        self.assertEqual(len(chain_checkers([AllowAnonymousAccess()])), 1)

    def test_nobody_to_ask(self):
        chain = CheckerChain([], PASSWORD_INTERFACES)
        failure = self.failureResultOf(chain.requestAvatarId(Anonymous()))
        self.assertTrue(failure.check(UnauthorizedLogin))
        self.assertFalse(failure.check(WrongCredentials))
