# Everything a person runs, by name. PYTHON is any interpreter of version 3.11 or newer.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test test-all check bench docs clean

$(VENV)/.light: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -e .
	touch $@

$(VENV)/.dev: $(VENV)/.light
	$(BIN)/pip install --quiet -e '.[dev,console]'
	touch $@

$(VENV)/.all: $(VENV)/.dev
	$(BIN)/pip install --quiet -e '.[dev,console,yolo]'
	touch $@

demo: $(VENV)/.light
	$(BIN)/vedette demo --out demo-out

test: $(VENV)/.dev
	$(BIN)/python tests/provision.py
	$(BIN)/pytest -m "not slow and not soak and not ardupilot and not px4"

test-all: $(VENV)/.all
	$(BIN)/python tests/provision.py
	$(BIN)/pytest

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

docs: $(VENV)/.dev
	$(BIN)/python docs/build.py

clean:
	rm -rf $(VENV) demo-out build dist docs/site *.egg-info
