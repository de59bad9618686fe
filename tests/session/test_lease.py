"""
Leases: how long clients may keep what they have got from sessions that they have logged out of.
"""

from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import Reason
from pbrealm._session.lease import _LEASES, revoke_lease, take_lease


class LeaseTests(SynchronousTestCase):
    def setUp(self):
        self.broker = pb.Broker()

    def test_shared(self):
        """Sessions that are logged out of one after the other have one lease."""
        first = take_lease(self.broker, "alice")
        self.assertIs(take_lease(self.broker, "alice"), first)
        self.assertIsNone(first.revoked_for)

    def test_revoked(self):
        lease = take_lease(self.broker, "alice")
        revoke_lease(self.broker, "alice", Reason.KICKED)
        revoke_lease(self.broker, "alice", Reason.REPLACED)
        self.assertIs(lease.revoked_for, Reason.KICKED)

    def test_logged_out_later(self):
        earlier = take_lease(self.broker, "alice")
        revoke_lease(self.broker, "alice", Reason.KICKED)
        later = take_lease(self.broker, "alice")
        self.assertEqual((earlier.revoked_for, later.revoked_for), (Reason.KICKED, None))

    def test_others(self):
        """Other avatar ids and other connections aren't concerned."""
        other = pb.Broker()
        leases = [take_lease(self.broker, "bob"), take_lease(other, "alice")]
        revoke_lease(self.broker, "alice", Reason.KICKED)
        self.assertEqual([each.revoked_for for each in leases], [None, None])

    def test_nothing_is_left(self):
        """A client may log in and out all day, as somebody else each time."""
        for number in range(10):
            take_lease(self.broker, f"guest#{number}")
        leases = _LEASES.get(self.broker)
        assert leases is not None
        self.assertEqual(len(leases), 0)
