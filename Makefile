# Every target makes its own environment first: all it needs is Python 3.10 or newer, git and make.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test abuse fuzz check bench bench-calls bench-sessions clean

$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "pbrealm needs Python 3.10 or newer; name one with: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

test: $(VENV)/installed
	$(BIN)/python -m pytest
	$(BIN)/python -m twisted.trial tests

# The longer form of what hostile clients do; prints what the server took for each of them.
abuse: $(VENV)/installed
	PBREALM_ABUSE=long $(BIN)/python -m pytest -s tests/abuse

FUZZ_SECONDS ?= 60
fuzz: $(VENV)/installed
	FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/python -m pytest tests/fuzz

check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The peers are installed for the benchmark only, in an environment of their own.
$(VENV)-bench/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)-bench
	$(VENV)-bench/bin/python -m pip install --quiet --editable . Pyro5 rpyc foolscap
	@touch $@

# Both write their part of docs/benchmarks.md.
bench: bench-sessions bench-calls

bench-sessions: $(VENV)-bench/installed
	$(VENV)-bench/bin/python -m benchmarks.sessions --write

bench-calls: $(VENV)-bench/installed
	$(VENV)-bench/bin/python -m benchmarks.codec --write

demo: $(VENV)/installed
	$(BIN)/python docs/demo.py

clean:
	rm -rf $(VENV) $(VENV)-bench _trial_temp* .pytest_cache .mypy_cache .ruff_cache dist
