"""
Who may ask.
"""

from pathlib import Path
from tempfile import NamedTemporaryFile

from twisted.internet.address import HostnameAddress, IPv4Address, IPv6Address, UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from pbrealm.admin._access import (
    Access,
    Exposure,
    Headers,
    check_exposure,
    check_token,
    exposure_of,
)
from pbrealm.admin._problems import Problem

TOKEN = b"0123456789abcdef"
LOCAL = IPv4Address("TCP", "127.0.0.1", 8788)
REMOTE = IPv4Address("TCP", "192.0.2.1", 8788)


class ExposureTests(SynchronousTestCase):
    def test_addresses(self):
        for address, exposure in (
            (LOCAL, Exposure.MACHINE),
            (IPv4Address("TCP", "127.9.9.9", 1), Exposure.MACHINE),
            (IPv6Address("TCP", "::1", 1), Exposure.MACHINE),
            (IPv6Address("TCP", "fe80::1%eth0", 1), Exposure.NETWORK),
            (IPv6Address("TCP", "::", 1), Exposure.NETWORK),
            (IPv4Address("TCP", "0.0.0.0", 1), Exposure.NETWORK),
            (REMOTE, Exposure.NETWORK),
            (HostnameAddress(b"localhost", 1), Exposure.NETWORK),
            (UNIXAddress(b"\0abstract"), Exposure.MACHINE),
            (UNIXAddress(None), Exposure.MACHINE),
        ):
            self.assertIs(exposure_of(address), exposure, address)

    def test_permissions(self):
        """A socket that everybody may open is like a port of the machine."""
        # What kind of file it is makes no difference.
        with NamedTemporaryFile() as file:
            self.check_permissions(Path(file.name))

    def check_permissions(self, path):
        for mode, exposure in (
            (0o600, Exposure.OWNER),
            (0o660, Exposure.OWNER),
            (0o666, Exposure.MACHINE),
        ):
            path.chmod(mode)
            self.assertIs(exposure_of(UNIXAddress(bytes(path))), exposure)

    def test_refused(self):
        """To a network nothing is open without a token, or unencrypted unless that is wanted."""
        for token, tls, insecure, problem in (
            (None, True, True, "needs a token"),
            (TOKEN, False, False, "needs TLS"),
            (TOKEN, True, False, None),
            (TOKEN, False, True, None),
        ):
            if problem is None:
                check_exposure(REMOTE, tls=tls, token=token, insecure=insecure)
            else:
                why = self.assertRaises(
                    ValueError, check_exposure, REMOTE, tls=tls, token=token, insecure=insecure
                )
                self.assertIn(problem, str(why))
        check_exposure(LOCAL, tls=False, token=None, insecure=False)


class TokenTests(SynchronousTestCase):
    def test_good(self):
        self.assertIsNone(check_token(None))
        self.assertEqual(check_token(TOKEN), TOKEN)
        self.assertEqual(check_token(TOKEN.decode()), TOKEN)

    def test_bad(self):
        for token in ("", "short", "x" * 15, "x" * 16 + "\n", "x" * 16 + " ", "ü" * 16):
            self.assertRaises(ValueError, check_token, token)
        self.assertRaises(TypeError, check_token, 1)


class AccessTests(SynchronousTestCase):
    def status(self, access, **headers):
        """The status of a refusal, or None."""
        given = Headers(**({"host": "localhost:8788"} | headers))
        try:
            access.check_browser(given)
            access.check(given)
        except Problem as problem:
            return problem.status
        return None

    def test_token(self):
        access = Access(LOCAL, Exposure.MACHINE, TOKEN)
        for given, status in (
            (None, 401),
            (b"", 401),
            (b"Bearer", 401),
            (b"Bearer x", 401),
            (b"Bearer " + TOKEN[:-1], 401),
            (b"Bearer " + TOKEN + b"x", 401),
            (b"Basic " + TOKEN, 401),
            (TOKEN, 401),
            (b"Bearer \xff\xfe", 401),
            (b"Bearer " + TOKEN, None),
            (b"bearer  " + TOKEN, None),
        ):
            self.assertEqual(self.status(access, authorization=given), status, given)

    def test_no_token_needed(self):
        """By the permissions of a socket, and where none was given."""
        for exposure, token in ((Exposure.OWNER, TOKEN), (Exposure.MACHINE, None)):
            access = Access(LOCAL, exposure, token)
            self.assertFalse(access.needs_token)
            self.assertIsNone(self.status(access))

    def test_hosts(self):
        access = Access(REMOTE, Exposure.NETWORK, None, hosts=["Admin.example"])
        for host, status in (
            ("localhost", None),
            ("LOCALHOST:1", None),
            ("127.0.0.1:8788", None),
            ("[::1]:8788", None),
            ("192.0.2.1", None),
            ("admin.example:443", None),
            ("192.0.2.2", 403),
            ("evil.example", 403),
            ("localhost.evil.example", 403),
            ("evil.example#localhost", 403),
            ("localhost@evil.example", 403),
            ("[::1]evil", 403),
            ("[evil]", 403),
            ("", 403),
            (None, 403),
        ):
            self.assertEqual(self.status(access, host=host), status, host)

    def test_origins(self):
        access = Access(LOCAL, Exposure.MACHINE, None)
        for origin, status in (
            (None, None),
            ("http://localhost:8788", None),
            ("https://LOCALHOST:8788", None),
            ("http://localhost:8789", 403),
            ("http://localhost", 403),
            ("https://evil.example", 403),
            ("null", 403),
            ("", 403),
        ):
            self.assertEqual(self.status(access, origin=origin), status, origin)

    def test_other_sites(self):
        """Browsers send no origin for what they only show."""
        access = Access(LOCAL, Exposure.MACHINE, None)
        for site, status in (
            ("none", None),
            ("same-origin", None),
            ("same-site", 403),
            ("cross-site", 403),
        ):
            self.assertEqual(self.status(access, fetch_site=site), status, site)
