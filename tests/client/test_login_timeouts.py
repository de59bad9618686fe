"""
The service that stays logged in: servers that say nothing, or nothing any more.
"""

from typing import Any

from twisted.internet.protocol import Factory, Protocol

from pbrealm import CachingRealm, Reason
from pbrealm._wire.ping import PING
from tests.avatars import Player, Slow
from tests.client.cases import LoginServiceTestCase, ManualEndpoint

LOGGED_IN = ("logged in",)


def gives_up(reason: Reason) -> list[tuple[object, ...]]:
    return [("coming back", reason)]


class ConnectTests(LoginServiceTestCase):
    def setUp(self):
        self.serve()

    def test_no_connection(self):
        endpoint = ManualEndpoint()
        self.start(endpoint, connect_timeout=20)
        self.go(19)
        self.assertEqual(self.observer.take(), [])
        self.go(1)
        self.assertEqual(self.observer.take(), gives_up(Reason.NO_ANSWER))
        self.assertEqual(endpoint.cancelled, 1)
        self.go(4)
        self.assertEqual(len(endpoint.attempts), 2)

    def test_default(self):
        self.start(ManualEndpoint())
        self.go(29)
        self.assertEqual(self.observer.take(), [])
        self.go(1)
        self.assertEqual(self.observer.take(), gives_up(Reason.NO_ANSWER))

    def test_connection_that_comes_too_late(self):
        """It is closed at once: there is one at a time."""
        endpoint = ManualEndpoint()
        self.start(endpoint)
        factory, _ = endpoint.attempts[0]
        self.go(30)
        client = self.server.accept(factory)
        self.server.flush()
        self.assertTrue(client.broker.disconnected)
        self.assertEqual(self.realm.sessions(), ())

    def test_network_that_is_cut(self):
        self.endpoint.cut_off()
        self.start()
        self.go(30)
        self.assertEqual(self.observer.take(), gives_up(Reason.NO_ANSWER))
        self.endpoint.restore()
        self.go(4)
        self.assertEqual(self.observer.take(), [LOGGED_IN])


class LogInTests(LoginServiceTestCase):
    def test_server_that_never_speaks(self):
        """As one whose accept queue has overflowed."""
        self.serve()
        # Nothing that is written to it is ever read, and nothing comes.
        self.server.restart(factory=Factory.forProtocol(Protocol))  # type: ignore[arg-type]
        self.start()
        (client,) = self.endpoint.clients
        self.go(59)
        self.assertEqual(self.observer.take(), [])
        self.assertFalse(client.broker.disconnected)
        self.go(1)
        self.assertEqual(self.observer.take(), gives_up(Reason.NO_ANSWER))
        self.assertTrue(client.broker.disconnected)

    def test_server_that_never_answers_the_login(self):
        """However much else it says."""
        slow = Slow(Player)
        self.serve(CachingRealm(slow), login_seconds=0, ping_interval=5)
        self.start(login_timeout=20)
        (client,) = self.endpoint.clients
        self.go(19)
        self.assertEqual(self.observer.take(), [])
        self.go(1)
        self.assertEqual(self.observer.take(), gives_up(Reason.NO_ANSWER))
        self.assertTrue(client.broker.disconnected)
        self.assertFalse(client.connected)
        slow.finish()
        self.assertEqual(self.realm.sessions(), ())

    def test_login_that_is_answered_in_time(self):
        """Nothing is left of the time-outs."""
        slow = Slow(Player)
        self.serve(CachingRealm(slow), login_seconds=0)
        self.start(login_timeout=20)
        self.go(19)
        slow.finish()
        self.go(100)
        self.assertEqual(self.observer.take(), [LOGGED_IN])


class LivenessTestCase(LoginServiceTestCase):
    def watch(self, thing: Any, method: str) -> list[Any]:
        """Note the arguments of each call of a method."""
        calls: list[Any] = []
        original = getattr(thing, method)

        def watched(*args: Any) -> Any:
            calls.append(args)
            return original(*args)

        self.patch(thing, method, watched)
        return calls


class LivenessTests(LivenessTestCase):
    def cut_off(self) -> list[tuple[object, ...]]:
        self.endpoint.cut_off()
        self.go(39)
        self.assertEqual(self.observer.take(), [LOGGED_IN])
        self.go(2)
        self.assertTrue(self.endpoint.clients[0].broker.disconnected)
        return self.observer.take()

    def test_found_dead(self):
        """Within 40 seconds of its last word, by default."""
        self.serve(ping_interval=0)
        self.start()
        self.assertEqual(
            self.cut_off(), [("lost", Reason.NO_ANSWER), ("coming back", Reason.NO_ANSWER)]
        )
        self.assertEqual(str(self.service._why), "the server doesn't answer (reason 7)")

    def test_interval_and_timeout(self):
        self.serve(ping_interval=0)
        self.start(ping_interval=3, ping_timeout=2)
        self.endpoint.cut_off()
        self.server.advance(3)
        self.server.advance(2)
        self.server.advance(0)
        self.assertIn(("lost", Reason.NO_ANSWER), self.observer.events)

    def test_idle(self):
        """A server that is there stays."""
        self.serve(ping_interval=0)
        self.start()
        self.go(1000)
        self.assertEqual(self.observer.events, [LOGGED_IN])
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_traffic_counts(self):
        """Nobody is pinged whose traffic shows that they are there."""
        self.serve(ping_interval=0)
        service = self.start()
        sent = self.watch(self.endpoint.clients[0].broker, "send_ping")
        for _ in range(20):
            self.result(service.call("greet"))
            self.go(20)
        self.assertEqual(sent, [])

    def test_off(self):
        self.serve(ping_interval=0)
        self.start(ping_interval=0)
        self.endpoint.cut_off()
        self.go(1000)
        self.assertEqual(self.observer.take(), [LOGGED_IN])

    def test_unusual_dialect(self):
        """Pings are ordinary calls there, of which none stays."""
        self.serve(ping_interval=0)
        self.start()
        broker = self.endpoint.clients[0].broker
        self.patch(broker, "send_ping", lambda: False)
        self.go(1000)
        self.assertEqual(self.observer.events, [LOGGED_IN])
        self.assertEqual(broker.waitingForAnswers, {})


class LivenessUnderAPlainFactoryTests(LivenessTests):
    plain = True


class LivenessWithPingsOfTheServerTests(LivenessTestCase):
    def test_pings_of_the_server_count(self):
        """A server of pbrealm pings first, so that there is one ping and not two."""
        self.serve()
        self.start()
        written = self.watch(self.endpoint.clients[0].broker.transport, "write")
        self.go(200)
        self.assertEqual([data for (data,) in written if PING in data], [])
        self.assertEqual(self.observer.events, [LOGGED_IN])
