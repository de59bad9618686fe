"""
The options: what each makes.
"""

import io
import os

from twisted.application.service import IServiceMaker
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.plugin import getPlugins
from twisted.python.usage import Options as UsageOptions
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import PingOldest, Refuse, ReplaceOldest, WaitForRoom
from pbrealm._command.demo import DemoAvatar
from pbrealm._command.options import Options
from pbrealm._command.service import makeService
from tests.command.option_cases import AUTH, AVATAR, HERE, PLAIN, REALM, Avatar, HandWritten, parse
from tests.store.cases import make_directory


class OptionsTests(SynchronousTestCase):
    def test_dropin(self):
        """The plugin is found, once, and knows the options and the service."""
        (maker,) = (maker for maker in getPlugins(IServiceMaker) if maker.tapname == "pbrealm")
        self.assertIs(maker.options, Options)
        self.assertIs(maker.makeService, makeService)

    def test_defaults(self):
        options = parse(*PLAIN)
        (endpoint,) = options.endpoints
        self.assertEqual(endpoint.name, "tcp:8787:interface=127.0.0.1")
        self.assertTrue(IStreamServerEndpoint.providedBy(endpoint))
        wanted = options.realm_options
        self.assertIs(wanted.avatar, Avatar)
        self.assertEqual(wanted.kind, "caching")
        self.assertEqual((wanted.limit, wanted.total, wanted.on_full), (None, None, None))
        self.assertEqual((wanted.guests, wanted.linger, wanted.state), (None, None, None))

    def test_listen(self):
        options = parse(*PLAIN, "-l", "tcp:1", "--listen", "tcp:2")
        self.assertEqual([each.name for each in options.endpoints], ["tcp:1", "tcp:2"])

    def test_all(self):
        options = parse(
            *(*PLAIN, "--realm", "shared", "--state", AVATAR, "--linger", "1.5"),
            *("--limit", "2", "--total", "9", "--guests", AVATAR),
            *("--guest-name", "visitor", "--guest-name", "kiosk"),
        )
        wanted = options.realm_options
        self.assertEqual(wanted.kind, "shared")
        self.assertIs(wanted.state, Avatar)
        self.assertEqual((wanted.limit, wanted.total, wanted.linger), (2, 9, 1.5))
        self.assertIs(wanted.guests, Avatar)
        self.assertEqual(wanted.guest_names, ("visitor", "kiosk"))

    def test_store(self):
        """The state comes from the file, wherever twistd changes to afterwards."""
        directory = make_directory(self)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(directory)
        wanted = parse(*PLAIN, "--realm", "shared", "--store", "players.db").realm_options
        store = wanted.store
        assert store is not None
        self.assertEqual(wanted.state, store.load)
        os.chdir("/")
        store.open_blocking()
        self.addCleanup(store.close)
        self.assertTrue(os.path.exists(os.path.join(directory, "players.db")))

    def test_store_of_the_demonstration(self):
        wanted = parse("--demo", "--store", "/nowhere/demo.db").realm_options
        self.assertIsNotNone(wanted.store)
        self.assertEqual((wanted.kind, wanted.state), ("caching", None))
        self.assertIs(wanted.guests, DemoAvatar)

    def test_on_full(self):
        for name, policy in (
            ("refuse", Refuse),
            ("replace", ReplaceOldest),
            ("ping", PingOldest),
            ("wait", WaitForRoom),
        ):
            options = parse(*PLAIN, "--limit", "1", "--on-full", name)
            self.assertIsInstance(options.realm_options.on_full, policy)

    def test_seconds_of_on_full(self):
        for given, attribute, seconds in (
            ("replace", "stay", 10),
            ("replace:60", "stay", 60),
            ("replace:0", "stay", 0),
            ("ping:2.5", "timeout", 2.5),
            ("wait:1", "timeout", 1),
        ):
            options = parse(*PLAIN, "--limit", "1", "--on-full", given)
            self.assertEqual(getattr(options.realm_options.on_full, attribute), seconds)

    def test_goodbye(self):
        for given, method in (
            ((), "goodbye"),
            (("--goodbye", "farewell"), "farewell"),
            (("--goodbye", "none"), None),
        ):
            self.assertEqual(parse(*PLAIN, *given).goodbye, method)

    def test_realm(self):
        """A dotted name is a realm, or makes one."""
        self.assertIs(parse("--realm", f"{HERE}.REALM", *AUTH).realm_options.realm, REALM)
        made = parse("--realm", f"{HERE}.HandWritten", *AUTH).realm_options.realm
        self.assertIsInstance(made, HandWritten)

    def test_foreign_realm_for_guests(self):
        """Whether a realm of the user's takes guests is its own affair."""
        options = parse("--realm", f"{HERE}.REALM", "--auth", "anonymous")
        self.assertEqual(len(options.checkers), 1)

    def test_guests_only(self):
        wanted = parse("--guests", AVATAR).realm_options
        self.assertIs(wanted.guests, Avatar)
        self.assertIsNone(wanted.avatar)

    def test_demo(self):
        """It brings rules of its own, unless others are asked for."""
        wanted = parse("--demo").realm_options
        self.assertIs(wanted.avatar, DemoAvatar)
        self.assertIs(wanted.guests, DemoAvatar)
        self.assertEqual((wanted.limit("alice"), wanted.limit("bob")), (2, 1))
        wanted = parse("--demo", "--total", "3").realm_options
        self.assertEqual((wanted.limit, wanted.total, wanted.on_full), (None, 3, None))

    def test_help_auth(self):
        """Only what can serve PB is listed."""
        options = Options()
        options.authOutput = io.StringIO()
        self.assertRaises(SystemExit, options.parseOptions, ["--help-auth"])
        listed = [line.split()[0] for line in options.authOutput.getvalue().splitlines()[5:-1]]
        self.assertEqual(listed, ["anonymous", "file", "memory"])

    def test_on_behalf_of_a_command(self):
        """A command ends with the sentence alone and status 1."""
        options = Options()
        options.parent = UsageOptions()
        ended = self.assertRaises(SystemExit, options.parseOptions, ["--limit", "0", "--demo"])
        self.assertEqual(ended.code, "pbrealm: --limit must be a positive whole number, not '0'")
