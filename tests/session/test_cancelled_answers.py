"""
Pending calls that are cancelled while their connection is lost.
"""

from typing import Any

from pbrealm import (
    Reason,
)
from pbrealm.client import ClientFactory
from pbrealm.testing import StallingMind
from tests.avatars import Aware, Player
from tests.session.cases import AvatarTestCase


def cancel_with_the_first(calls):
    """
    Cancel all calls as soon as one of them fails.

    @return: a list, to which each failure is added.
    """
    failed: list[Any] = []

    def cancel_all(why):
        failed.append(why)
        for call in calls:
            call.cancel()

    for call in calls:
        call.addErrback(cancel_all)
    return failed


class CancelledAnswerTests(AvatarTestCase):
    """
    Pending calls are cancelled by the errback of another, while the connection is being lost.
    """

    def test_connection_lost(self):
        for factory in (None, ClientFactory):
            self.serve(Aware)
            client = self.log_in(StallingMind(), factory and factory())
            (session,) = self.realm.sessions()
            calls = [session.mind.callRemote("news", number) for number in range(10)]
            failed = cancel_with_the_first(calls)
            self.server.flush()
            client.drop()
            self.assertEqual(len(failed), 10)
            self.assertIs(session.ended, Reason.DISCONNECTED)
            self.assertEqual(session.avatar.clients, [])
            self.assert_can_log_in_again()

    def test_notifications(self):
        """Nothing is logged."""
        self.serve(Aware)
        client = self.log_in(StallingMind())
        (session,) = self.realm.sessions()
        failed = cancel_with_the_first([session.notify("news") for _ in range(10)])
        self.server.flush()
        client.drop()
        self.assertEqual(len(failed), 10)
        self.assertIs(session.ended, Reason.DISCONNECTED)

    def test_client_side(self):
        """The same at a client that uses our factory."""
        self.serve(Player)
        client = self.log_in(None, ClientFactory())
        calls = [client.held.callRemote("later") for _ in range(5)]
        failed = cancel_with_the_first(calls)
        self.server.flush()
        client.drop()
        self.assertEqual(len(failed), 5)
