"""
Every sentence that refuses an option.
"""

from twisted.cred.checkers import ANONYMOUS
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from tests.command.option_cases import AUTH, AVATAR, HERE, PLAIN, parse


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
        for option, others in (
            ("--avatar", AUTH),
            ("--guests", PLAIN),
            ("--state", (*PLAIN, "--realm", "shared")),
        ):
            for name, problem in (
                ("nosuch.Thing", ": there is no module nosuch"),
                (f"{HERE}.Nope", f": the module {HERE} has no attribute Nope"),
                (f"{HERE}.Avatar.nope", f": {HERE}.Avatar has no attribute nope"),
                ("twisted.nosuch.Thing", ": there is no module twisted.nosuch"),
                ("Player", ": 'Player' is not a dotted name such as myapp.Player"),
                ("a..b", ": 'a..b' is not a dotted name such as myapp.Player"),
                (
                    f"{HERE}.NUMBER",
                    " must name a class or another callable, not an object of type builtins.int",
                ),
            ):
                self.assertRefused(f"{option} {name}{problem}", *others, option, name)

    def test_realm(self):
        for realm, problem in (
            (
                f"{HERE}.NUMBER",
                " must name an IRealm provider or a callable that makes one, "
                "not an object of type builtins.int",
            ),
            (
                f"{HERE}.Avatar",
                f" must make an IRealm provider, not an object of type {AVATAR}",
            ),
            (f"{HERE}.broken", " failed with ValueError: not today"),
            (f"{HERE}.Nope", f": the module {HERE} has no attribute Nope"),
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
            *(*AUTH, "--realm", f"{HERE}.REALM", "--store", "players.db"),
        )

    def test_contradictions(self):
        foreign = f"{HERE}.REALM"
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
