# The two commands are `make demo` and `make test`; the rest is for developers.
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
# uv makes the environment; a machine that has none gets it into .venv
UV = $(or $(shell command -v uv 2>/dev/null),$(BIN)/uv)
SYNC = UV_PROJECT_ENVIRONMENT=$(VENV) $(UV) sync --quiet --locked --inexact
FAST := -m "not slurm and not sshd and not apptainer and not slow"
DEMO := .demo

.PHONY: help setup format lint types imports unit check services test demo clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

$(BIN)/python:
	@python3 -m venv $(VENV) || { echo "python3 -m venv does not work; on Debian: apt install python3-venv"; exit 1; }
	@command -v uv >/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(VENV)/.ready: pyproject.toml uv.lock | $(BIN)/python
	@echo "setting up $(VENV) for developers"
	@$(SYNC) --extra readers --extra bioformats
	@touch $@ $(VENV)/.runtime

$(VENV)/.runtime: pyproject.toml uv.lock | $(BIN)/python
	@echo "setting up $(VENV)"
	@$(SYNC) --no-default-groups
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
	$(BIN)/pytest -q src/biomero/domain tests/unit tests/architecture tests/contract $(FAST)

check: lint types imports unit ## What every commit keeps green, in under 3 minutes

services: setup ## Install the system packages that tests need (root, or sudo)
	cd tests && ../$(BIN)/python -m services.install

test: lint types imports services ## Everything: real Slurm, sshd, Apptainer, a browser; all started and stopped here
	$(BIN)/pytest

demo: $(VENV)/.runtime ## Segment nuclei on real images, on this machine alone
	@sh demo/demo.sh $(BIN) $(DEMO)

clean: ## Remove what the commands above made
	rm -rf $(VENV) $(DEMO) .test-env .mypy_cache .ruff_cache .pytest_cache .hypothesis
