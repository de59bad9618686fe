"""
A farm of jobs: each is handed to one worker, whose result counts once.

A worker that loses its connection and comes back to its session goes on with its job.  The job of
a worker whose session has ended goes to another one: its process was killed and started again, or
it was away for too long.

Jobs and results are in a store.  A submission is answered once its jobs are on the disk, and a
worker's result once that is.  When the server itself is killed, the jobs that have no result are
handed out again when it's back, and what the workers were doing is done once more.

    python docs/examples/job_farm.py [ENDPOINT [FILE]]
    python docs/examples/job_worker.py one   (and another: two)
    python docs/examples/client.py submit 1001 1003 1007
    python docs/examples/client.py results
"""

import sys

from serving import accounts, serve
from twisted.cred.portal import Portal
from twisted.internet.defer import DeferredQueue
from twisted.spread import pb
from zope.interface import implementer

from pbrealm import DisposableRealm, IClientAware, ServerFactory
from pbrealm.store import SQLiteStore


class Farm:
    """The jobs, each of which is a number to be factorized."""

    def __init__(self, store):
        self.store = store
        self.results = None
        self.waiting = DeferredQueue()

    async def open(self):
        """Read the jobs of earlier times; further calls do nothing."""
        results = await self.store.load("jobs")
        if self.results is None:
            # None stands for a result that isn't there yet.
            self.results = results
            for job, result in results.items():
                if result is None:
                    self.waiting.put(job)

    def submit(self, job):
        if type(job) is not int or not 1 < job < 2**63:
            raise pb.Error(f"{job!r} can't be factorized")
        if job not in self.results:
            self.results[job] = None
            self.waiting.put(job)


@implementer(IClientAware)
class Worker(pb.Avatar):
    """The avatar: one for each login."""

    def __init__(self, farm):
        self.farm = farm
        # What it waits for, and what it has got.
        self.asked = None
        self.job = None

    def attached(self, session):
        """It asks for jobs when it's ready."""

    def detached(self, session, reason):
        if self.job is not None:
            self.farm.waiting.put(self.job)
        elif self.asked is not None:
            self.asked.cancel()

    def perspective_take(self):
        """The next job, as soon as there is one."""
        if self.asked is not None:
            raise pb.Error("one job at a time")
        self.asked = self.farm.waiting.get()
        # It's cancelled when nobody waits for the answer any more.
        return self.asked.addCallbacks(self.got, lambda cancelled: None)

    def got(self, job):
        self.job = job
        return job

    def perspective_finish(self, job, result):
        if job != self.job or result is None:
            raise pb.Error(f"{job!r} isn't the job that you have")
        self.farm.results[job] = result
        self.asked = self.job = None

    def perspective_submit(self, *jobs):
        for job in jobs:
            self.farm.submit(job)

    def perspective_results(self):
        return dict(self.farm.results)


if __name__ == "__main__":
    farm = Farm(SQLiteStore(sys.argv[2] if len(sys.argv) > 2 else "jobs.db"))

    async def make_worker(name):
        await farm.open()
        return Worker(farm)

    serve(ServerFactory(Portal(DisposableRealm(make_worker), [accounts()])))
