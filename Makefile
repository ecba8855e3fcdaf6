.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin

.PHONY: help
help: ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Install everything the other targets need: system packages, .venv, locked dependencies
	@scripts/setup

.PHONY: demo
demo: setup ## A simulated cluster, twelve months of history and the MCP server on port 5484
	@$(BIN)/python -m simulator.demo

.PHONY: check
check: setup ## Format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

.PHONY: test
test: ## The whole test suite, after the checks
	@scripts/setup tests
	@$(MAKE) --no-print-directory check
	$(BIN)/pytest -n auto

.PHONY: docs
docs: setup ## Write the generated parts of the documentation anew
	$(BIN)/python scripts/docs.py

.PHONY: lock
lock: setup ## Resolve the dependencies anew and write requirements.lock
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-header --no-emit-index-url \
		--no-emit-find-links --all-extras --group dev --upgrade --output-file requirements.lock pyproject.toml

.PHONY: clean
clean: ## Remove the environment, the caches and the demo's data
	rm -rf .venv .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
