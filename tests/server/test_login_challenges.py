"""
Login methods that take several steps, and the time that they leave.
"""

from tests.server.login_method_cases import Asking, Counting, LoginMethodTestCase, TokenLogin


class ChallengeTests(LoginMethodTestCase):
    def test_several_exchanges(self) -> None:
        client = self.serve(Asking(lambda: Counting(3)))
        challenge = client.call(client.root, "ask")
        left, challenge = client.call(challenge, "respond", b"")
        self.assertEqual(left, 2)
        _, challenge = client.call(challenge, "respond", b"")
        held = client.call(challenge, "respond", b"t0ken")
        self.assertEqual(client.call(held, "greet"), "<1>hello alice")

    def test_one_response_each(self) -> None:
        """A challenge is responded to once each time that it's given out."""
        client = self.serve(Asking(lambda: Counting(2)), TokenLogin())
        challenge = client.call(client.root, "ask")
        client.call(challenge, "respond", b"")
        self.held = client.call(challenge, "respond", b"t0ken")
        why = self.refused(client, challenge, "respond", b"t0ken")
        self.assertIn("answered before", why)

    def test_wrong_calls(self) -> None:
        """They don't use up the challenge."""
        client = self.serve(Asking(lambda: Counting(1)))
        challenge = client.call(client.root, "ask")
        for method, args in (("respond", ()), ("respond", (1, 2, 3)), ("left", ()), ("call", ())):
            why = self.refused(client, challenge, method, *args)
            self.assertEqual(
                why,
                "no login method has this name and number of arguments (reason 4)",
            )
        self.held = client.call(challenge, "respond", b"t0ken")

    def test_how_many_wait_for_their_response(self) -> None:
        """Not more than the limit on logins; those that are dropped don't count."""
        client = self.serve(Asking(lambda: (b"x", Counting(9))), logins=3)
        held = [client.call(client.root, "ask") for _ in range(3)]
        self.assertIn("too many challenges", self.refused(client, client.root, "ask"))
        held.pop()
        self.server.flush()
        held.append(client.call(client.root, "ask"))
        for _ in range(5):
            _, challenge = held.pop()
            held.append(client.call(challenge, "respond", b""))

    def test_time(self) -> None:
        """Challenges don't prolong the time to log in."""
        client = self.serve(Asking(lambda: Counting(9)), login_seconds=10)
        challenge = client.call(client.root, "ask")
        for _ in range(3):
            self.server.advance(3)
            _, challenge = client.call(challenge, "respond", b"")
        self.server.advance(1)
        self.assertFalse(client.connected)


class LoginTimeTests(LoginMethodTestCase):
    def test_refusals_do_not_prolong_it(self) -> None:
        client = self.serve(TokenLogin(), login_seconds=10, throttle_seconds=0)
        for _ in range(2):
            self.server.advance(4)
            self.refused(client, client.root, "loginToken", b"wrong", None)
        self.server.advance(2)
        self.assertFalse(client.connected)
