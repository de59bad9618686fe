"""
The options: what each makes, and every sentence that refuses one.
"""

import io
import os

from twisted.application.service import IServiceMaker
from twisted.cred.checkers import ANONYMOUS
from twisted.cred.portal import IRealm
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.plugin import getPlugins
from twisted.python.usage import Options as UsageOptions
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import PingOldest, Refuse, ReplaceOldest, WaitForRoom
from pbrealm._command.demo import DemoAvatar
from pbrealm._command.options import Options
from pbrealm._command.service import makeService
from tests.store.cases import make_directory


@implementer(IRealm)
class HandWritten:
    def requestAvatar(self, avatarId, mind, *interfaces):
        raise NotImplementedError


class Avatar:
    pass


def broken():
    raise ValueError("not today\nnor tomorrow")


REALM = HandWritten()
NUMBER = 3
AVATAR = f"{__name__}.Avatar"
AUTH = ("--auth", "memory:alice:secret")
PLAIN = ("--avatar", AVATAR, *AUTH)


def parse(*arguments):
    options = Options()
    options.parseOptions(arguments)
    return options


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
        self.assertIs(parse("--realm", f"{__name__}.REALM", *AUTH).realm_options.realm, REALM)
        made = parse("--realm", f"{__name__}.HandWritten", *AUTH).realm_options.realm
        self.assertIsInstance(made, HandWritten)

    def test_foreign_realm_for_guests(self):
        """Whether a realm of the user's takes guests is its own affair."""
        options = parse("--realm", f"{__name__}.REALM", "--auth", "anonymous")
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


class MistakeTests(SynchronousTestCase):
    """
    Bad input, and what is said about it.
    """

    def assertRefused(self, sentence, *arguments):
        why = self.assertRaises(UsageError, parse, *arguments)
        self.assertEqual(str(why), sentence)

    def test_no_way_in(self):
        self.assertRefused(
            "nobody could log in: give --auth, --guests or --demo", "--avatar", AVATAR
        )

    def test_endpoint(self):
        for endpoint, problem in (
            ("tcp:x", "ValueError: invalid literal for int() with base 10: 'x'"),
            ("8787", "ValueError: Unknown endpoint type: '8787'"),
            ("tcp", "wrong or missing arguments"),
            ("tcp:1:bogus=2", "wrong or missing arguments"),
        ):
            self.assertRefused(
                "--listen must be an endpoint string such as tcp:8787, "
                f"not {endpoint!r} ({problem})",
                *PLAIN,
                "--listen",
                endpoint,
            )

    def test_counts(self):
        for option in ("--limit", "--total"):
            for bad in ("0", "-1", "1.5", "many", ""):
                self.assertRefused(
                    f"{option} must be a positive whole number, not {bad!r}", *PLAIN, option, bad
                )

    def test_linger(self):
        for bad in ("-1", "nan", "inf", "soon"):
            self.assertRefused(
                f"--linger must be a number of seconds, 0 or more, not {bad!r}",
                *PLAIN,
                "--linger",
                bad,
            )
        self.assertEqual(parse(*PLAIN, "--linger", "0").realm_options.linger, 0)

    def test_linger_of_what_is_stored(self):
        """What can be loaded again needn't stay in memory for good."""
        stored = (*PLAIN, "--realm", "shared", "--store", "players.db")
        self.assertEqual(parse(*stored).realm_options.linger, 60)
        self.assertEqual(parse("--demo", "--store", "demo.db").realm_options.linger, 60)
        self.assertEqual(parse(*stored, "--linger", "5").realm_options.linger, 5)
        self.assertIsNone(parse("--demo").realm_options.linger)

    def test_on_full(self):
        self.assertRefused(
            "--on-full must be one of refuse, replace, ping, wait, not 'kick'",
            *(*PLAIN, "--limit", "1", "--on-full", "kick"),
        )
        for given, sentence in (
            ("refuse:5", "--on-full refuse takes no seconds, so leave out ':5'"),
            ("ping:0", "--on-full ping:SECONDS must be more than 0, not '0'"),
            ("kick:5", "--on-full must be one of refuse, replace, ping, wait, not 'kick'"),
            (
                "replace:soon",
                "--on-full replace:SECONDS must be a number of seconds, 0 or more, not 'soon'",
            ),
            (
                "wait:",
                "--on-full wait:SECONDS must be a number of seconds, 0 or more, not ''",
            ),
        ):
            self.assertRefused(sentence, *PLAIN, "--limit", "1", "--on-full", given)
        self.assertRefused(
            "--on-full needs --limit or --total",
            *(*PLAIN, "--on-full", "refuse"),
        )

    def test_goodbye(self):
        for bad in ("", "good-bye", "good bye", "a.b"):
            self.assertRefused(
                f"--goodbye must be the name of a method, or none, not {bad!r}",
                *(*PLAIN, "--goodbye", bad),
            )

    def test_dotted_names(self):
        here = __name__
        for option, others in (
            ("--avatar", AUTH),
            ("--guests", PLAIN),
            ("--state", (*PLAIN, "--realm", "shared")),
        ):
            for name, problem in (
                ("nosuch.Thing", ": there is no module nosuch"),
                (f"{here}.Nope", f": the module {here} has no attribute Nope"),
                (f"{here}.Avatar.nope", f": {here}.Avatar has no attribute nope"),
                ("twisted.nosuch.Thing", ": there is no module twisted.nosuch"),
                ("Player", ": 'Player' is not a dotted name such as myapp.Player"),
                ("a..b", ": 'a..b' is not a dotted name such as myapp.Player"),
                (
                    f"{here}.NUMBER",
                    " must name a class or another callable, not an object of type builtins.int",
                ),
            ):
                self.assertRefused(f"{option} {name}{problem}", *others, option, name)

    def test_realm(self):
        for realm, problem in (
            (
                f"{__name__}.NUMBER",
                " must name an IRealm provider or a callable that makes one, "
                "not an object of type builtins.int",
            ),
            (
                f"{__name__}.Avatar",
                f" must make an IRealm provider, not an object of type {AVATAR}",
            ),
            (f"{__name__}.broken", " failed with ValueError: not today"),
            (f"{__name__}.Nope", f": the module {__name__} has no attribute Nope"),
        ):
            self.assertRefused(f"--realm {realm}{problem}", *AUTH, "--realm", realm)
        self.assertRefused(
            "--realm must be one of caching, shared, disposable, or a dotted name, not 'cachng'",
            *(*PLAIN, "--realm", "cachng"),
        )

    def test_state(self):
        self.assertRefused(
            "--realm shared needs --state, the dotted name of the state factory, or --store, the "
            "path of a file",
            *(*PLAIN, "--realm", "shared"),
        )
        self.assertRefused("--state needs --realm shared", *PLAIN, "--state", AVATAR)

    def test_store(self):
        self.assertRefused(
            "--store must be the path of a file, not ''",
            *(*PLAIN, "--realm", "shared", "--store", ""),
        )
        self.assertRefused(
            "--state can't be used with --store: leave out one of them",
            *(*PLAIN, "--realm", "shared", "--store", "players.db", "--state", AVATAR),
        )
        for realm in ((), ("--realm", "caching"), ("--realm", "disposable")):
            self.assertRefused(
                "--store needs --realm shared or --demo", *PLAIN, *realm, "--store", "players.db"
            )
        self.assertRefused(
            "--store needs --realm shared or --demo",
            *(*AUTH, "--realm", f"{__name__}.REALM", "--store", "players.db"),
        )

    def test_contradictions(self):
        foreign = f"{__name__}.REALM"
        for sentence, arguments in (
            ("--auth needs --avatar, the dotted name of the avatar class or factory", AUTH),
            (
                "--auth needs --avatar, the dotted name of the avatar class or factory",
                ("--guests", AVATAR, *AUTH),
            ),
            (
                f"--avatar can't be used with --realm {foreign}: leave out one of them",
                (*PLAIN, "--realm", foreign),
            ),
            (
                f"--linger can't be used with --realm {foreign}: leave out one of them",
                (*AUTH, "--realm", foreign, "--linger", "1"),
            ),
            ("--avatar can't be used with --demo: leave out one of them", ("--demo", *PLAIN)),
            (
                "--guests can't be used with --demo: leave out one of them",
                ("--demo", "--guests", AVATAR),
            ),
            (
                "--realm can't be used with --demo: leave out one of them",
                ("--demo", "--realm", foreign),
            ),
            (
                "--linger can't be used with --realm disposable: leave out one of them",
                (*PLAIN, "--realm", "disposable", "--linger", "1"),
            ),
            (
                "--guest-name needs --guests, "
                "the dotted name of the avatar class or factory for guests",
                (*PLAIN, "--guest-name", "visitor"),
            ),
            (
                "--guest-name needs --auth, to check the password of the account",
                ("--guests", AVATAR, "--guest-name", "visitor"),
            ),
            (
                "--linger needs --avatar: it has no effect on guests",
                ("--guests", AVATAR, "--linger", "1"),
            ),
            (
                "--auth anonymous needs --guests, "
                "the dotted name of the avatar class or factory for guests",
                ("--avatar", AVATAR, "--auth", "anonymous"),
            ),
            ("unexpected argument 'now': give options only", (*PLAIN, "now")),
            ("option --colour not recognized", (*PLAIN, "--colour")),
        ):
            self.assertRefused(sentence, *arguments)

    def test_auth(self):
        """No sentence about --auth repeats a password."""
        unsuited = (
            "--auth unix can't check logins over Perspective Broker, where clients don't send "
            "their password; --help-auth lists the types that can"
        )
        for auth, sentence in (
            ("unix", unsuited),
            (
                "nosuch:secret",
                "--auth must be one of the types that --help-auth lists, not 'nosuch'",
            ),
            (
                "memory:secret",
                "--auth memory needs names and passwords, as in memory:alice:secret",
            ),
            ("memory", "--auth memory needs names and passwords, as in memory:alice:secret"),
            ("file", "--auth file needs the name of a file, as in file:passwords"),
            (
                "file:/no/such/file",
                "--auth file can't read /no/such/file: No such file or directory",
            ),
        ):
            self.assertRefused(sentence, "--avatar", AVATAR, "--auth", auth)

    def test_anonymous_is_one_checker(self):
        """Guests are let in once, whoever asks for it."""
        (checker,) = parse("--guests", AVATAR, "--auth", "anonymous").checkers
        self.assertEqual(self.successResultOf(checker.requestAvatarId(None)), ANONYMOUS)
