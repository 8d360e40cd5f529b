# `make demo` and `make test` need Python 3.11+ and pip, nothing else. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
# What the demo must not depend on: keys and settings of the person who runs it.
CLEAN := env -u OPENAI_API_KEY -u OPENAI_BASE_URL -u RAGCLI_CONFIG RAGCLI_HOME=$(CURDIR)/.demo

.DEFAULT_GOAL := help
.PHONY: help demo test coverage lint types bench bench-search bench-retrieval bench-answers simulate torture fuzz wheel-smoke man docs check-docs lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "ragcli needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.development: $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(VENV)/.runtime  ## index sample_docs/ and ask one English and one Chinese question, offline
	@$(CLEAN) $(BIN)/ragcli ingest sample_docs
	@echo && echo '$$ ragcli ask "$(QUESTION_EN)"' && $(CLEAN) $(BIN)/ragcli ask "$(QUESTION_EN)"
	@echo && echo '$$ ragcli ask "$(QUESTION_ZH)"' && $(CLEAN) $(BIN)/ragcli ask "$(QUESTION_ZH)"
	@echo && echo "Go on with: RAGCLI_HOME=.demo $(BIN)/ragcli chat"

QUESTION_EN := How many days do customers have to return hardware ordered in 2026?
QUESTION_ZH := 国内网关的保修期是几年？

test: $(VENV)/.development  ## run the whole suite
	$(BIN)/python -m pytest -n auto $(ARGS)

coverage: $(VENV)/.development  ## run it once more, slower, and fail below 90 % of the lines and branches
	$(BIN)/python -m pytest -q -n auto --cov --cov-report=term $(ARGS)

lint: $(VENV)/.development  ## style, formatting, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

types: $(VENV)/.development  ## mypy --strict
	$(BIN)/mypy

bench: $(VENV)/.development  ## speed and size, as ratios measured in one run
	$(BIN)/python tests/bench/bench.py $(ARGS)

bench-search: $(VENV)/.development  ## searching up to 100,000 chunks; takes some minutes to build them
	$(BIN)/python tests/bench/search.py $(ARGS)

bench-retrieval: $(VENV)/.development  ## ranking quality on retrieval sets: make bench-retrieval SETS="DIR DIR"
	@test -n "$(SETS)" || { echo 'name the sets: make bench-retrieval SETS="DIR DIR" (tests/bench/retrieval.py says what a set is)'; exit 2; }
	$(BIN)/python tests/bench/retrieval.py $(SETS) $(ARGS)

bench-answers: $(VENV)/.development  ## what compression and the extractive answer keep: make bench-answers SETS="DIR DIR"
	@test -n "$(SETS)" || { echo 'name the sets: make bench-answers SETS="DIR DIR" (tests/bench/answers.py says what a set is)'; exit 2; }
	$(BIN)/python tests/bench/answers.py $(SETS) $(ARGS)

simulate: $(VENV)/.development  ## nodes and Redis shards for a million questions a second: ARGS="--rate N --zipf S ..."
	$(BIN)/python tests/bench/simulate.py $(ARGS)

torture: $(VENV)/.development  ## kill ingests at every step of the write order, then search: ARGS="--kills N --jobs N"
	$(BIN)/python tests/torture.py --kills 200 $(ARGS)

FUZZED := tests/fuzz tests/retrieve/test_query.py tests/providers/test_sse.py tests/ingest/test_chunk.py tests/ingest/test_decode.py \
  tests/text tests/config tests/render/test_markdown.py
fuzz: $(VENV)/.development  ## 10,000 examples of each property of what reads and prints; some minutes
	HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest -q -m hypothesis -n auto --timeout=0 $(FUZZED) $(ARGS)

wheel-smoke: $(VENV)/.development  ## build sdist and wheel, install the wheel in an empty venv, and use it there
	rm -rf build/smoke
	$(BIN)/python -m build --outdir build/smoke/dist . >/dev/null
	$(PYTHON) -m venv build/smoke/venv
	build/smoke/$(BIN:$(VENV)/%=venv/%)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt build/smoke/dist/*.whl
	cd build/smoke && $(BIN:$(VENV)/%=venv/%)/python $(CURDIR)/tests/smoke.py $(CURDIR)/sample_docs

man: $(VENV)/.development  ## the manual page, build/man/ragcli.1
	$(BIN)/python tests/docs/man.py build/man/ragcli.1

docs: $(VENV)/.development  ## write what is generated into README.md, and the picture of a chat
	$(BIN)/python tests/docs/generate.py
	$(BIN)/python tests/docs/picture.py

check-docs: $(VENV)/.development  ## fail when README.md is not what `make docs` writes
	$(BIN)/python tests/docs/generate.py --check

lock:  ## write constraints.txt anew from the newest versions that pyproject.toml allows
	rm -rf .lock && $(PYTHON) -m venv .lock
	.lock/bin/python -m pip install --quiet --disable-pip-version-check '.[dev]'
	{ echo "# Exact versions that the tests passed with; written by: make lock"; \
	  .lock/bin/python -m pip freeze --exclude ragcli; } > constraints.txt
	rm -rf .lock

clean:  ## remove what the targets above made
	rm -rf $(VENV) .demo .lock build dist .coverage* .pytest_cache .mypy_cache .ruff_cache
