"""
State that is kept in a database of your own.

The state of an account is read from the database when its first client logs in, and written back
when the realm lets go of it: a minute after the last client has left, or when the server stops.
That is what IRetirable is for.  A login that comes while the state is being written waits for
that, and then reads what was written.

The database is an SQLite file here, by way of twisted.enterprise.adbapi; it could as well be a
service that is called over HTTP.  What isn't written back yet is lost if the process is killed: if
that matters, use pbrealm.store, or write each change.

    python docs/examples/own_database.py [ENDPOINT [FILE]]
    python docs/examples/client.py greet
"""

import sys

from serving import accounts, serve
from twisted.cred.portal import Portal
from twisted.enterprise.adbapi import ConnectionPool
from twisted.spread import pb
from zope.interface import implementer

from pbrealm import IRetirable, ServerFactory, SharedStateRealm


class Database:
    """The greetings of each account, in a table."""

    def __init__(self, path):
        # SQLite has one writer at a time, so one thread is enough.
        self.pool = ConnectionPool("sqlite3", path, cp_min=1, cp_max=1, check_same_thread=False)

    async def load(self, name):
        """The state factory."""
        rows = await self.pool.runInteraction(self._read, name)
        return Greetings(self, name, rows[0][0] if rows else 0)

    @staticmethod
    def _read(transaction, name):
        transaction.execute(
            "CREATE TABLE IF NOT EXISTS greetings (name TEXT PRIMARY KEY, number INTEGER NOT NULL)"
        )
        transaction.execute("SELECT number FROM greetings WHERE name = ?", (name,))
        return transaction.fetchall()

    def save(self, name, number):
        """Write the number of greetings of an account; gives a Deferred."""
        return self.pool.runOperation(
            "INSERT OR REPLACE INTO greetings (name, number) VALUES (?, ?)", (name, number)
        )


@implementer(IRetirable)
class Greetings:
    """The state: one for each account, while it is in memory."""

    def __init__(self, database, name, number):
        self.database = database
        self.name = name
        self.number = number

    async def retire(self):
        await self.database.save(self.name, self.number)


class User(pb.Avatar):
    """The avatar: one for each login."""

    def __init__(self, name, greetings):
        self.name = name
        self.greetings = greetings

    def perspective_greet(self):
        self.greetings.number += 1
        return f"hello {self.name}, greeting number {self.greetings.number}"


if __name__ == "__main__":
    database = Database(sys.argv[2] if len(sys.argv) > 2 else "greetings.db")
    realm = SharedStateRealm(User, database.load, linger=60)
    factory = ServerFactory(Portal(realm, [accounts()]))
    serve(factory, before_stop=factory.close)
