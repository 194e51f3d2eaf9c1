# One command for each task; continuous integration runs these same ones.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed

# Without a HOME to write to, caches go beside the packages.
ifneq ($(shell test -n "$$HOME" && test -w "$$HOME" && echo writable),writable)
export HOME := $(CURDIR)/.venv/home
endif
export UV_PYTHON_DOWNLOADS := never

.PHONY: help install demo test check bench docs lock clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP)  ## Make .venv with all packages of requirements.lock, and this project in it

demo: $(STAMP)  ## Kafka, learner and server on this machine: stream the digits, learn, ask, show the table
	@$(BIN)/r2r demo

test: $(STAMP)  ## Run all tests
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

check: $(STAMP)  ## Lint, format, types, direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)  ## Run the benchmarks, some five hours, and rewrite the README's tables
	$(BIN)/python -m benchmarks.named_streams
	$(BIN)/python -m benchmarks.ablation
	$(BIN)/python -m benchmarks.learning --dataset digits --seeds 5
	$(BIN)/python -m benchmarks.learning --dataset digits --seeds 5 --order blurry --rows r2r paper iid
	$(BIN)/python -m benchmarks.learning --dataset digits --seeds 5 --order recurring --rows r2r paper iid
	$(BIN)/python -m benchmarks.learning --dataset digits --seeds 5 --order shuffled --rows r2r paper iid
	$(BIN)/python -m benchmarks.drift
	$(BIN)/python -m benchmarks.growth --small
	$(BIN)/python -m benchmarks.ingest
	$(BIN)/python -m benchmarks.recovery
	$(BIN)/python -m benchmarks.replay
	$(BIN)/python -m benchmarks.serving
	$(BIN)/python -m benchmarks.report

docs: $(STAMP)  ## Check the documents' links and the code's examples
	@$(BIN)/python -m pytest -q tests/architecture/test_docs_links.py
	@$(BIN)/python -m pytest -q stream learner replay deploy
	@echo "Read README.md, docs/architecture.md, docs/formats.md and docs/decisions/."

lock: $(BIN)/uv  ## Resolve pyproject.toml's packages anew into requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --upgrade --quiet \
		--generate-hashes --no-header --no-emit-index-url --no-emit-find-links --output-file requirements.lock

clean:  ## Remove .venv, build outputs and tools' caches; the state in .r2r stays
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): requirements.lock pyproject.toml | $(BIN)/uv
	@echo "Installing some 110 packages into .venv: the first time 3.3 GB to download, most of it CUDA libraries for torch," \
		"and 6.6 GB on disk; then compiling them, about a minute."
	@$(BIN)/uv pip sync --python $(BIN)/python --compile-bytecode --require-hashes requirements.lock
	@$(BIN)/uv pip install --python $(BIN)/python --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m stream.broker.jars
	@touch $@

# Only uv comes through pip, in the version and with the hashes of the lock.
$(BIN)/uv:
	@$(PYTHON) -c "" 2>/dev/null || { echo "make: there is no $(PYTHON); name a Python 3.11 or newer, as in: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { \
		echo "make: $(PYTHON) is $$($(PYTHON) -V) and 3.11 or newer is needed; name one, as in: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c "import ensurepip, venv" 2>/dev/null || { \
		echo "make: $(PYTHON) comes without venv or ensurepip; install them (Debian, Ubuntu: python3-venv) and try again"; exit 1; }
	@mkdir -p .venv/home
	@$(PYTHON) -m venv .venv
	@awk '/^uv==/ { uv = 1 } uv { print } uv && !/\\$$/ { exit }' requirements.lock > .venv/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r .venv/uv.txt
