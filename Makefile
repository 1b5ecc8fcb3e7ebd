# Everything a person runs, by name. PYTHON is any interpreter of version 3.11 to 3.14.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# What is installed is what the lock files name, byte for byte; Vedette itself comes from this folder.
INSTALL = $(BIN)/pip install --quiet --require-hashes -r
OURSELVES = $(BIN)/pip install --quiet --no-deps --no-build-isolation -e .

# The tests of a file run in order in one process, files beside each other on all processors.
DEFAULT = "not slow and not soak and not ardupilot and not px4"
BESIDE = --numprocesses auto --dist loadfile --no-loadscope-reorder
# The suite starts hundreds of Pythons: what one of them has compiled the next one reads.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-loaded test-all check bench docs lock release clean

$(VENV)/.light: pyproject.toml locks/light.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) locks/light.txt
	$(OURSELVES)
	touch $@

$(VENV)/.dev: $(VENV)/.light locks/dev.txt
	$(INSTALL) locks/dev.txt
	touch $@

$(VENV)/.all: $(VENV)/.dev locks/all.txt
	$(INSTALL) locks/all.txt
	touch $@

demo: $(VENV)/.light
	$(BIN)/vedette demo --out demo-out

test: $(VENV)/.dev
	$(BIN)/python tests/provision.py
	$(BIN)/pytest $(BESIDE) -m $(DEFAULT)

test-loaded: $(VENV)/.dev
	$(BIN)/python tests/provision.py
	$(BIN)/python tests/under_load.py $(DEFAULT) $(BESIDE)

test-all: $(VENV)/.all
	$(BIN)/python tests/provision.py
	$(BIN)/pytest

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python release/licences.py

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

docs: $(VENV)/.dev
	$(BIN)/python docs/build.py

lock: $(VENV)/.dev
	$(BIN)/python locks/renew.py

release: $(VENV)/.dev
	$(BIN)/python release/build.py

clean:
	rm -rf $(VENV) demo-out build dist docs/site *.egg-info
