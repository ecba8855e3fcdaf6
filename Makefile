.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin

.PHONY: help
help: ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Install everything the other targets need: system packages, .venv, locked dependencies
	@scripts/setup

.PHONY: demo
demo: setup ## A simulated cluster, twelve months of history and the MCP server on port 5484
	@$(BIN)/python -m simulator.demo

.PHONY: check
check: setup ## Format, lint, spelling, types, and which package may import which
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/codespell
	$(BIN)/lint-imports
	$(BIN)/mypy

.PHONY: test
test: ## The whole test suite, after the checks
	@scripts/setup tests
	@$(MAKE) --no-print-directory check
	$(BIN)/pytest -n auto

.PHONY: conformance
conformance: setup ## The official MCP conformance suite against the server, in both protocol eras (needs npm)
	$(BIN)/pytest -n auto -m conformance tests/conformance

.PHONY: clients
clients: setup ## Real MCP clients against the server: list and call its tools over HTTP and stdio (needs npm)
	$(BIN)/pytest -n auto -m clients tests/clients

.PHONY: crashes
crashes: setup ## A collector killed twice at every moment of a small history, and losing power 2,500 times (an hour)
	KL_TEST_EVERY_CRASH=1 $(BIN)/pytest -n auto --dist=load tests/collector/store/test_crashes.py

.PHONY: bench
bench: setup ## Sizes of answers for 2,000 namespaces, and speed as ratios to a bare route and to plain parsing
	$(BIN)/python -m benchmarks.sizes
	$(BIN)/python -m benchmarks.speed

.PHONY: docs
docs: setup ## Write the generated parts of the documentation anew
	$(BIN)/python scripts/docs.py
	$(BIN)/python scripts/questions.py

.PHONY: lock
lock: setup ## Resolve the dependencies anew and write requirements.lock
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-header --no-emit-index-url \
		--no-emit-find-links --all-extras --group dev --upgrade --output-file requirements.lock pyproject.toml

.PHONY: clean
clean: ## Remove the environment, the caches and the demo's data
	rm -rf .venv .cache .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
