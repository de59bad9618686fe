"""
The delays after refused logins.
"""

from random import Random
from typing import Any

from twisted.spread import pb

from pbrealm import AnonymousRealm, CachingRealm, Limits, MindTrackingRealm
from pbrealm.testing import MemoryServer, make_portal
from tests.avatars import Player
from tests.server.cases import FromAnyHost, ServerTestCase


class DelayedLoginTests(ServerTestCase):
    def test_delay(self):
        """After a few wrong passwords the next attempts wait, the right one too."""
        client = self.serve(throttle_after_failures=2, throttle_seconds=1, login_attempts=9)
        for _ in range(2):
            with self.assertRaises(pb.RemoteError):
                client.login("alice", "wrong")
        other = self.server.connect()
        login = other.start_login("alice", "secret")
        self.server.flush()
        self.assertNoResult(login)
        self.server.advance(1)
        self.held = self.successResultOf(login)

    def test_no_delay_from_an_address_that_has_logged_in(self):
        """Whatever others do: at that address with other accounts, and elsewhere with this one."""
        server = self.serve_from_any_host()
        self.held = [server.connect().login("alice", "secret")]
        for host, name in (("192.0.2.1", "bob"), ("192.0.2.2", "alice"), ("192.0.2.3", "alice")):
            server.factory.host = host
            for _ in range(3):
                server.connect().start_login(name, "wrong").addErrback(lambda _: None)
                server.flush()
        # From anywhere else, it would wait.
        elsewhere = server.connect().start_login("alice", "secret")
        server.flush()
        self.assertNoResult(elsewhere)
        server.factory.host = "192.0.2.1"
        self.held.append(server.connect().login("alice", "secret"))
        # Nor does it let anybody guess there without a delay.
        for _ in range(3):
            with self.assertRaises(pb.RemoteError):
                server.connect().login("alice", "wrong")
        delayed = server.connect().start_login("alice", "secret")
        server.flush()
        self.assertNoResult(delayed)
        server.advance(60)
        elsewhere.addErrback(lambda _: None)
        self.held.append(self.successResultOf(delayed))

    def serve_from_any_host(self) -> Any:
        realm = CachingRealm(Player)
        passwords = {"alice": "secret", "bob": "secret"}
        limits = Limits(throttle_after_failures=3, ping_interval=0)
        factory = FromAnyHost(make_portal(realm, passwords), limits)
        return MemoryServer(realm, factory=factory)

    def test_wrong_passwords_lower_the_chance(self):
        """An address that has guessed mostly comes after one that hasn't, however many wait."""
        server = self.serve_from_any_host()
        queue = server.factory._server_state().login_queue
        queue.random = Random(1)
        order: list[str] = []
        for host in ("192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.3"):
            server.factory.host = host
            for _ in range(1 if host == "192.0.2.3" else 5):
                login = server.connect().start_login("alice", "wrong")
                login.addErrback(lambda _, host=host: order.append(host))
                server.flush()
        before = len(order)
        for _ in range(30):
            server.advance(1)
        self.assertIn("192.0.2.3", order[before : before + 2])

    def test_disconnect_during_the_delay(self):
        client = self.serve(throttle_after_failures=1, login_attempts=9)
        with self.assertRaises(pb.RemoteError):
            client.login("alice", "wrong")
        login = client.start_login("alice", "secret")
        self.server.flush()
        client.drop()
        self.failureResultOf(login, pb.PBConnectionLost)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])
        self.assertEqual(self.realm.sessions(), ())

    def test_anonymous_logins_are_not_delayed(self):
        guests = AnonymousRealm(CachingRealm(Player), CachingRealm(Player))
        client = self.serve(MindTrackingRealm(guests), throttle_after_failures=1, login_attempts=9)
        for _ in range(2):
            self.refusal_after_waiting(client.start_login("", "wrong"))
        self.held = self.server.connect().login()

    def refusal_after_waiting(self, login):
        self.server.advance(20)
        return self.failureResultOf(login)
