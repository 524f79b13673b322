# `make` prints what there is. Two commands set everything up on a machine with Python 3.11: `make run` and `make test`.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
export PYTHONDONTWRITEBYTECODE ?= 1

.DEFAULT_GOAL := help
.PHONY: help run test test-external check format security bench-ingest bench-agent bench-history bench-peers bench-sweep bench-leaks bench-cleanup bench-migrator bench-pages bench-scale chaos soak e2e clean

help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/run: requirements.txt
	@command -v $(PYTHON) >/dev/null || { echo "connmon needs Python 3.11: install it, or name it with make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/dev: requirements.txt requirements-dev.txt
	@command -v $(PYTHON) >/dev/null || { echo "connmon needs Python 3.11: install it, or name it with make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $(VENV)/run $@

run: $(VENV)/run ## everything, embedded, with the Demo game; prints where to look
	$(BIN)/python manage.py up $(ARGS)

WORKERS ?= 2

test: $(VENV)/dev ## every fast test; real PostgreSQL, Valkey, Luau VM and Chromium
	@sh scripts/need-browser
	$(BIN)/pytest -n $(WORKERS) --dist loadfile $(ARGS)

test-external: $(VENV)/dev ## the same connmon on Debian's PostgreSQL 15 and Redis 7, two web processes, two workers
	EXTERNAL=1 $(BIN)/pytest tests/external $(ARGS)

check: $(VENV)/dev ## linters, types, layers, migrations, templates, scripts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python scripts/check_migrations.py
	$(BIN)/djlint templates --lint --quiet
	$(BIN)/biome check static dashboard scripts
	@sh scripts/node scripts/format-luau.mjs

format: $(VENV)/dev ## rewrites sources as the formatters want them
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/biome check --write static dashboard scripts
	@sh scripts/node scripts/format-luau.mjs --write

bench-ingest: $(VENV)/dev ## durable reports a second, beside a bare write and beside peers
	$(BIN)/python -m bench.ingest $(ARGS)

bench-agent: $(VENV)/dev ## the Luau agent beside Trove, Janitor and Maid, in the same VM
	$(BIN)/python -m bench.agent $(ARGS)

bench-sweep: $(VENV)/dev ## what a stale sweep costs, beside a bare UPDATE; ARGS=--full for 1,000,000 and 5,000,000
	$(BIN)/python -m bench.sweep $(ARGS)

bench-leaks: $(VENV)/dev ## verdicts on a labelled corpus, beside four other rules; ARGS=--full for 200 runs of each class
	$(BIN)/python -m bench.leaks $(ARGS)

bench-cleanup: $(VENV)/dev ## an emergency over many agents, processes killed half-way; ARGS=--full for 1,000 of each
	$(BIN)/python -m bench.cleanup $(ARGS)

bench-migrator: $(VENV)/dev ## what the migrator finds, rewrites and proves over the labelled corpus
	$(BIN)/python -m bench.migrator $(ARGS)

bench-history: $(VENV)/dev ## what history costs: a tick, a sample's bytes, rollups, charts
	$(BIN)/python -m bench.history $(ARGS)

bench-pages: $(VENV)/dev ## every table, page and push at 1,000,000 connections; ARGS=--full watches the heap for 30 minutes
	@sh scripts/need-browser
	$(BIN)/python -m bench.pages $(ARGS)

bench-scale: $(VENV)/dev ## reports by web processes and by servers; ARGS=--full for 100,000 servers
	$(BIN)/python -m bench.scale $(ARGS)

bench-peers: $(VENV)/dev ## the peers alone
	$(BIN)/python -m bench.peers $(ARGS)

security: $(VENV)/dev ## proof by attack, whole; its short form is part of make test
	@sh scripts/need-browser
	$(BIN)/python -m tests.security $(ARGS)

chaos: $(VENV)/dev ## proof by faults, 20 minutes at most; ARGS=--short for two
	$(BIN)/python -m bench.chaos $(ARGS)

soak: $(VENV)/dev ## two hours of steady load, the memory of every process watched; ARGS="--minutes N"
	$(BIN)/python -m bench.chaos.soak $(ARGS)

e2e: $(VENV)/dev ## every page and flow in Chromium with axe; screenshots to docs/images
	@sh scripts/need-browser
	@sh scripts/node --version >/dev/null
	$(BIN)/pytest tests/e2e/tour $(ARGS)

clean: ## removes the virtual environment and caches; keeps .data
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache node_modules
