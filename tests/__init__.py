"""
The tests, laid out as the modules are.

The tests of C{src/pbrealm/_wire/keepalive.py} are in C{tests/wire/test_keepalive.py}, those of
C{src/pbrealm/policies.py} in C{tests/test_policies.py}, and so on: the names of packages and
modules, without the underscore.  A large module has further files, named by what they test.  Test
cases and helpers that several files of a folder use are in its C{cases.py}.  Besides, there are

  - C{pitfalls}: the numbered pitfalls of C{docs/architecture.md}, also tried on the patterns that
    people write by hand, where the tests must fail;
  - C{programs}: what known programs do with Perspective Broker, each under plain Perspective
    Broker, under L{pbrealm.ServerFactory}, and within realms of pbrealm;
  - C{fuzz}: random bytes and random messages;
  - C{integration}: all tests that start processes or open sockets.  C{conftest.py} makes sure
    that no other test does.

C{make unit} runs all but C{integration}, with few examples of those that make their own: see
C{examples.py}.
"""
