# Every target says what it does: `make help`.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help
help: ## Shows this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

.PHONY: demo
demo: $(READY) ## A real job on the embedded graph: audits the Python environment, prints a report
	@$(BIN)/agent03 demo

.PHONY: test
test: $(READY) ## All tests, on the embedded graph, a real Neo4j and a real Redis
	@$(BIN)/python -m pytest

.PHONY: check
check: $(READY) lint types imports ## Everything a change must pass: ruff, mypy, import contracts, tests with coverage
	@$(BIN)/python -m pytest --cov --cov-report=term

.PHONY: lint
lint: $(READY) ## ruff: format and lint
	@$(BIN)/ruff format --check . && $(BIN)/ruff check .

.PHONY: types
types: $(READY) ## mypy, strict
	@$(BIN)/mypy

.PHONY: imports
imports: $(READY) ## The import contracts of pyproject.toml
	@$(BIN)/lint-imports

.PHONY: bench
bench: $(READY) ## One table of throughput and latency, raw limit beside engine, on both graphs
	@$(BIN)/python -m tests.bench

.PHONY: lock
lock: $(READY) ## Writes requirements.lock anew: versions with hashes, no addresses
	@$(BIN)/uv pip compile pyproject.toml --extra dev --generate-hashes --universal --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links --python-version 3.11 --output-file requirements.lock --quiet

.PHONY: clean
clean: ## Removes the virtual environment and what tests leave behind
	@rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis .coverage

$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: install it, or name another one with PYTHON=..." >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than Python 3.11: name another one with PYTHON=..." >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing: apt-get install python3.11-venv" >&2; exit 2; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)
