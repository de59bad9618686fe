"""
A worker of the job farm.  When it loses its connection, it comes back to its session and its job.

Its name tells it apart from the other workers of the account.  When its process was killed and is
started again under the same name, it takes the place of its earlier self at once, whose job is
handed out again.

    python docs/examples/job_farm.py
    python docs/examples/job_worker.py NAME [ENDPOINT]
"""

import sys

from twisted.cred.credentials import UsernamePassword
from twisted.internet.task import react
from twisted.internet.threads import deferToThread
from twisted.spread import pb

from pbrealm import CallLost, LoginEnded
from pbrealm.client import LoginService


def factorize(number):
    """The prime factors, by trial division."""
    factors, divisor = [], 2
    while divisor * divisor <= number:
        while number % divisor == 0:
            factors.append(divisor)
            number //= divisor
        divisor += 1
    return [*factors, number] if number > 1 else factors


async def work(service):
    while True:
        try:
            job = await service.call("take", pbwait=None)
            print("begun:", job, flush=True)
            result = await deferToThread(factorize, job)
            await service.call("finish", job, result, pbwait=None)
            print("finished:", job, flush=True)
        except (CallLost, pb.RemoteError) as why:
            # The session that the job was handed to is over: it is handed out again.
            print("given up:", why, flush=True)
        except LoginEnded as why:
            return print("stopped:", why.sentence, flush=True)


async def main(reactor):
    name, where = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "tcp:127.0.0.1:8787"
    credentials = UsernamePassword(b"alice", b"secret")
    service = LoginService(where, credentials, resume=True, client_id=name.encode())
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    service.startService()
    await work(service)


if __name__ == "__main__":
    react(main)
