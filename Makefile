# Every target says what it does: `make help`.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.run
DEV := $(VENV)/.dev
# Three workers on one Neo4j, for they wait more than they compute; a file stays with one, and the slow ones come first.
# A worker that dies ends the run and is told: with another in its place, the run would wait for the rest of its file.
TESTS = $(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder --max-worker-restart 0
LONG = tests/acceptance/test_chaos.py tests/acceptance/test_chaos_engines.py tests/acceptance/test_hogs.py tests/integration/test_embedded_kill.py tests/integration/test_wfinstances.py
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check
BROWSER = chromium fonts-dejavu-core
MAY_INSTALL = [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null
INSTALL_BROWSER = { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
  $(BROWSER); } >/dev/null 2>&1 && command -v chromium >/dev/null
COMPILE = $(BIN)/uv pip compile pyproject.toml --generate-hashes --universal --no-header --no-annotate --quiet \
  --no-emit-index-url --no-emit-find-links --python-version 3.11

.PHONY: help
help: ## Shows this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

.PHONY: demo
demo: $(RUN) ## A real job on the embedded graph: audits the Python environment, prints a report
	@$(BIN)/agent03 demo

.PHONY: test
test: $(DEV) browser ## All tests, on the embedded graph, a real Neo4j and a real Redis
	@$(TESTS)

.PHONY: test-ray
test-ray: $(DEV) ## The executors on a real Ray, a cluster of two nodes among others; installs the extra, 400 MB
	@$(PIP) 'ray>=2.60,<3'
	@$(BIN)/python -m pytest tests/contract/test_executors.py tests/integration/test_ray.py -k ray -m "" --timeout 300

.PHONY: check
check: $(DEV) browser lint types imports audit ## Everything a change must pass: ruff, mypy, imports, tests with coverage
	@$(TESTS) --cov --cov-report=term

.PHONY: browser
browser: ## Chromium for the tests of the page, installed where that needs no question; without it they are skipped
	@command -v chromium >/dev/null || { $(MAY_INSTALL) && echo "Installing Chromium ..." && $(INSTALL_BROWSER); } \
	  || echo "There is no Chromium: the tests of the page are skipped. Install it: apt-get install $(BROWSER)" >&2

.PHONY: lint
lint: $(DEV) ## ruff: format and lint
	@$(BIN)/ruff format --check . && $(BIN)/ruff check .

.PHONY: types
types: $(DEV) ## mypy, strict
	@$(BIN)/mypy

.PHONY: imports
imports: $(DEV) ## The import contracts of pyproject.toml
	@$(BIN)/lint-imports

.PHONY: audit
audit: $(DEV) ## Looks up every locked dependency in the public list of known faults; says where that cannot be reached
	@$(BIN)/python scripts/audit.py requirements.lock

.PHONY: openapi
openapi: $(DEV) ## Writes docs/openapi.json anew; its difference is the change of the API that a review looks at
	@$(BIN)/agent03 openapi > docs/openapi.json
	@$(BIN)/agent03 route schema > docs/router.schema.json

.PHONY: reference
reference: $(DEV) ## Writes the pages that say what the code says: settings, command line, states, metrics
	@for page in settings_page cli_page states api_metrics; do $(BIN)/python -m tests.unit.test_$$page; done

.PHONY: validation
validation: $(DEV) ## Writes VALIDATION.md: tests, coverage of the last make check, figures of this commit, versions
	@$(BIN)/python -m tests.validation $(ARGUMENTS)

.PHONY: bench
bench: $(DEV) ## One table of throughput and latency, raw limit beside engine, on both graphs
	@$(BIN)/python -m tests.bench

.PHONY: bench-plans
bench-plans: $(DEV) ## How well decomposers order the steps of published sets; Claude too where ANTHROPIC_API_KEY is set
	@$(BIN)/python -m tests.bench.decomposition $(ARGUMENTS)

.PHONY: bench-estimates
bench-estimates: $(DEV) ## How well durations are foretold, on recorded runs of the same workflows
	@$(BIN)/python -m tests.bench.estimates $(ARGUMENTS)
	@$(BIN)/python -m tests.bench.etas $(ARGUMENTS)

.PHONY: bench-schedule
bench-schedule: $(DEV) ## What the order and learned durations are worth: known optima, then real workflows, 10 minutes
	@$(BIN)/python -m tests.bench.schedule $(ARGUMENTS)

.PHONY: bench-api
bench-api: $(DEV) ## What callers feel while the engine works: 50 clients, then 1,000 viewers of one task
	@$(BIN)/python -m tests.bench.clients $(ARGUMENTS)
	@$(BIN)/python -m tests.bench.viewers

.PHONY: bench-ray
bench-ray: $(DEV) ## What a subtask costs in a Ray cluster, beside Ray alone and the other executors
	@$(PIP) 'ray>=2.60,<3'
	@$(BIN)/python -m tests.bench.ray $(ARGUMENTS)

.PHONY: bench-peers
bench-peers: $(DEV) ## The other engines that make bench compares with, each in an environment of its own
	@$(BIN)/python -m tests.bench.peers.install

.PHONY: chaos
chaos: $(DEV) ## Thirty kills in a workflow of 2,000 subtasks, and the like, on both graphs; needs the machine for itself
	@CHAOS_KILLS=30 CHAOS_SUBTASKS=2000 CHAOS_ROUNDS=1 CHAOS_AGAIN_SECONDS=5 CHAOS_ENGINES=4 CHAOS_SECONDS=600 \
	  $(BIN)/python -m pytest $(LONG) -m "" -s -v

.PHONY: fuzz
fuzz: $(DEV) ## Throws whatever there is at everything that reads what strangers send: FUZZ_MINUTES=60; keeps .fuzz
	@$(BIN)/python -W ignore -m tests.fuzz $(ARGUMENTS)

.PHONY: lock
lock: $(DEV) ## Writes both lock files anew: versions with hashes, no addresses
	@$(COMPILE) --extra build --output-file requirements.lock
	@$(COMPILE) --extra dev --output-file requirements-dev.lock

.PHONY: clean
clean: ## Removes the virtual environment and what tests leave behind
	@rm -rf $(VENV) .venv-bench .mypy_cache .ruff_cache .hypothesis .fuzz .coverage

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: install it, or name another one: make PYTHON=..." >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than Python 3.11: name another one: make PYTHON=..." >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing: apt-get install python3.11-venv" >&2; exit 2; }

$(RUN): requirements.lock pyproject.toml | $(BIN)/python
	@$(PIP) --no-deps --require-hashes --requirement requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements-dev.lock $(RUN)
	@$(PIP) --no-deps --require-hashes --requirement requirements-dev.lock
	@touch $@
