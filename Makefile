# Every target makes its own environment first: all it needs is Python 3.10 or newer, git and make.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test check bench-calls clean

$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "pbrealm needs Python 3.10 or newer; name one with: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

test: $(VENV)/installed
	$(BIN)/python -m pytest
	$(BIN)/python -m twisted.trial tests

check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The peers are installed for the benchmark only, in an environment of their own.
$(VENV)-bench/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)-bench
	$(VENV)-bench/bin/python -m pip install --quiet --editable . Pyro5 rpyc foolscap
	@touch $@

bench-calls: $(VENV)-bench/installed
	$(VENV)-bench/bin/python -m benchmarks.codec

demo: $(VENV)/installed
	$(BIN)/python docs/demo.py

clean:
	rm -rf $(VENV) $(VENV)-bench _trial_temp* .pytest_cache .mypy_cache .ruff_cache dist
