# The two commands are `make demo` and `make test`; the rest is for developers.
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
UV = $(or $(shell command -v uv 2>/dev/null),$(BIN)/uv)

.PHONY: help setup format lint types imports unit check test demo clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

$(VENV)/.ready: pyproject.toml uv.lock
	@command -v uv >/dev/null || test -x $(BIN)/uv || { python3 -m venv $(VENV) && $(BIN)/pip install --quiet uv; }
	UV_PROJECT_ENVIRONMENT=$(VENV) $(UV) sync --quiet --locked --extra readers --inexact
	@touch $@

setup: $(VENV)/.ready ## Make .venv with everything that developers need

format: setup ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: setup ## ruff
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup ## mypy, strict
	$(BIN)/mypy

imports: setup ## import contracts
	$(BIN)/lint-imports

unit: setup ## Fast tests: no network, no services
	$(BIN)/pytest tests/unit tests/architecture tests/contract -m "not slurm and not sshd and not apptainer and not slow"

test: check ## Everything

check: lint types imports unit ## What every commit keeps green, in under 3 minutes

clean: ## Remove what the commands above made
	rm -rf $(VENV) .demo .test-env .mypy_cache .ruff_cache .pytest_cache
