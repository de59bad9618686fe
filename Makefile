# Every target makes its own environment first: all it needs is Python 3.10 or newer, git and make.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo unit test abuse crash fuzz check bench bench-admin bench-calls bench-returns bench-sessions bench-store clean

$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "pbrealm needs Python 3.10 or newer; name one with: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

# The tests without processes and sockets, with few examples of those that make their own.
unit: $(VENV)/installed
	PBREALM_EXAMPLES=few $(BIN)/python -m pytest --ignore tests/integration

# All tests, in full.
test: $(VENV)/installed
	$(BIN)/python -m pytest

# All tests under trial.
.PHONY: trial
trial: $(VENV)/installed
	$(BIN)/python -m twisted.trial tests

# The tests under pytest, with a floor for what they cover; see [tool.coverage] in pyproject.toml.
# Few examples are enough: a tracer slows them down, and trial tries them all.
.PHONY: coverage
coverage: export PBREALM_EXAMPLES = few
coverage: $(VENV)/installed
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest
	$(BIN)/python -m coverage report

# The tests that depend on versions, with the oldest Python and Twisted that pyproject.toml allows.
.PHONY: floor
floor: export PBREALM_EXAMPLES = few
floor:
	.ci/floor

# The tests with a Twisted that isn't released yet.
TWISTED ?= git+https://github.com/twisted/twisted@trunk
.PHONY: trunk
trunk:
	$(PYTHON) -m venv --clear $(VENV)-trunk
	$(VENV)-trunk/bin/python -m pip install --quiet --editable '.[dev]' 'twisted[tls] @ $(TWISTED)'
	$(VENV)-trunk/bin/python -c 'import twisted; print("Twisted", twisted.__version__)'
	$(VENV)-trunk/bin/python -m pytest

# What the documents say: their links, their code, the README, the examples.
.PHONY: docs
docs: $(VENV)/installed
	$(BIN)/python -m pytest -k "links or document or client_program or readme or examples"

# What the wheel holds, and what installing it does.
.PHONY: packaging
packaging:
	PYTHON=$(PYTHON) tests/integration/packaging.sh

# The same, and the wheel in dist/.
.PHONY: wheel
wheel:
	WHEELS=dist PYTHON=$(PYTHON) tests/integration/packaging.sh

# The longer form of what hostile clients do; prints what the server took for each of them.
abuse: $(VENV)/installed
	PBREALM_ABUSE=long $(BIN)/python -m pytest -s tests/integration/abuse

# The longer form of what cut links and lost packets do to a client that comes back.
.PHONY: network
network: $(VENV)/installed
	PBREALM_NETWORK=long $(BIN)/python -m pytest -s tests/integration/resumption/test_network.py

# An unmodified worker of buildbot, in an environment of its own, with a server of pbrealm.
$(VENV)-buildbot/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)-buildbot
	$(VENV)-buildbot/bin/python -m pip install --quiet 'buildbot-worker>=4.3,<5'
	@touch $@

.PHONY: buildbot
buildbot: $(VENV)/installed $(VENV)-buildbot/installed
	BUILDBOT_WORKER=$(VENV)-buildbot/bin/buildbot-worker $(BIN)/python -m pytest \
		tests/integration/buildbot/builds.py tests/integration/buildbot/connections.py

# The longer form of what crashes and failing disks do to stored state.
crash: $(VENV)/installed
	PBREALM_CRASHES=long $(BIN)/python -m pytest tests/integration/store tests/store/test_disk.py

FUZZ_SECONDS ?= 60
fuzz: $(VENV)/installed
	FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/python -m pytest -s tests/fuzz

check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

# The peers are installed for the benchmark only, in an environment of their own.
$(VENV)-bench/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)-bench
	$(VENV)-bench/bin/python -m pip install --quiet --editable '.[admin]' Pyro5 rpyc foolscap ZODB
	@touch $@

# Each writes its part of docs/benchmarks.md.
bench: bench-sessions bench-calls bench-store bench-returns bench-admin

bench-sessions: $(VENV)-bench/installed
	$(VENV)-bench/bin/python -m benchmarks.sessions --write

bench-calls: $(VENV)-bench/installed
	$(VENV)-bench/bin/python -m benchmarks.codec --write

bench-store: $(VENV)-bench/installed
	$(VENV)-bench/bin/python -m benchmarks.store --write

bench-returns: $(VENV)-bench/installed
	$(VENV)-bench/bin/python -m benchmarks.returns --write

bench-admin: $(VENV)-bench/installed
	$(VENV)-bench/bin/python -m benchmarks.admin --write

# The pictures of the administration's page in docs/operation.md, which take a browser.
.PHONY: screenshots
screenshots: $(VENV)/installed
	$(BIN)/python -m tests.integration.admin_page_screenshots

demo: $(VENV)/installed
	$(BIN)/python docs/demo.py

clean:
	rm -rf $(VENV) $(VENV)-bench $(VENV)-buildbot $(VENV)-trunk _trial_temp* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .coverage .coverage.* dist
