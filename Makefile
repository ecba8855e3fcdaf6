.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
# A suite that is not through by then is interrupted, says what it has come to, and fails.
within = timeout --foreground --signal=INT --kill-after=60 $(1)
# Tests wait for processes a good part of their time: two workers a core keep all cores at work.
workers = $$(($$(getconf _NPROCESSORS_ONLN) * 2))

.PHONY: help
help: ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Install everything the other targets need: system packages, .venv, locked dependencies
	@scripts/setup

.PHONY: demo
demo: setup ## A simulated cluster, twelve months of history and the MCP server on port 5484, or on PORT=5485
	@$(BIN)/python -m simulator.demo $(if $(PORT),--port '$(PORT)') $(if $(DIR),--dir '$(DIR)')

.PHONY: check
check: setup ## Format, lint, spelling, types, and which package may import which
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/codespell
	$(BIN)/lint-imports
	$(BIN)/mypy

.PHONY: test
test: ## The tests, after the checks; the targets below it are suites of their own
	@scripts/setup tests
	@$(MAKE) --no-print-directory check
	$(call within,40m) $(BIN)/pytest -n $(workers)

.PHONY: properties
properties: setup ## The property tests of `make test` with ten times as many examples (15 minutes at most)
	$(call within,15m) $(BIN)/pytest -n auto -m "hypothesis and not (faults or sampling or clients or conformance)" --hypothesis-profile=thorough

.PHONY: faults
faults: setup ## Kills, losses of power, floods and clocks that jump beneath real processes (12 minutes at most)
	@scripts/setup tests
	$(call within,12m) $(BIN)/pytest -n auto --dist=load -m faults

.PHONY: sampling
sampling: setup ## A day of jobs that start by the clock at every phase: what is exact, and what is seen (20 minutes at most)
	$(call within,20m) $(BIN)/pytest -n auto --dist=load -m sampling tests/sampling

.PHONY: image
image: setup ## The image's steps, as root in a root of its own, and what comes out at work (8 minutes at most)
	$(call within,8m) $(BIN)/pytest -n auto -m image tests/helm

.PHONY: conformance
conformance: setup ## The official MCP conformance suite, in both protocol eras (needs npm; 6 minutes at most)
	@scripts/setup tests
	$(call within,6m) $(BIN)/pytest -n auto -m conformance tests/conformance

.PHONY: clients
clients: setup ## Real MCP clients that call the tools, and the roads to install (most need npm; 15 minutes at most)
	@scripts/setup tests
	$(call within,15m) $(BIN)/pytest -n auto -m clients tests/clients tests/install

# These watch every file and every byte of a server, those of the measuring as well.
UNMEASURED = --deselect tests/kl_mcp/protocol/test_stdio.py::test_every_line_of_standard_output_is_protocol_whatever_the_process_prints \
	--deselect tests/spec/test_security.py::test_the_server_opens_the_files_of_the_dataset_and_nothing_else_writes_nothing_and_calls_nobody \
	--deselect tests/spec/test_security.py::test_over_stdio_no_port_is_opened

.PHONY: coverage
coverage: setup ## What the tests of `make test` run through, the servers they start included (30 minutes at most)
	@scripts/setup tests
	@rm -rf .cache/coverage
	$(call within,30m) $(BIN)/coverage run -m pytest -n auto -q $(UNMEASURED)
	@$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

.PHONY: crashes
crashes: setup ## A collector killed twice at every moment of a small history, and losing power 2,500 times (an hour)
	KL_TEST_EVERY_CRASH=1 $(BIN)/pytest -n auto --dist=load -m faults tests/collector/store/test_crashes.py

.PHONY: bench
bench: setup ## Sizes of answers for 2,000 namespaces, speed as ratios to a bare route and to plain parsing, and memory
	$(BIN)/python -m benchmarks.sizes
	$(BIN)/python -m benchmarks.speed
	$(BIN)/python -m benchmarks.watching
	$(BIN)/python -m benchmarks.queries

.PHONY: docs
docs: setup ## Write the generated parts of the documentation, and the tools' schemas, anew
	$(BIN)/python scripts/docs.py
	$(BIN)/python scripts/questions.py

.PHONY: lock
lock: setup ## Resolve the dependencies anew and write requirements.lock
	$(BIN)/uv pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-header --no-emit-index-url \
		--no-emit-find-links --extra collector --group dev --upgrade --output-file requirements.lock pyproject.toml

.PHONY: release
release: setup ## Build what a release publishes into dist, and say what PUBLISH=yes would do with it
	@$(BIN)/python -m release $(if $(filter yes,$(PUBLISH)),--publish)

.PHONY: clean
clean: ## Remove the environment, the caches and the demo's data
	rm -rf .venv .cache .demo dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
