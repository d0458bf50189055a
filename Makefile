# The two commands are `make demo` and `make test`; the rest is for developers.
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
# uv makes the environment; a machine that has none gets it into .venv
UV = $(or $(shell command -v uv 2>/dev/null),$(BIN)/uv)
SYNC = UV_PROJECT_ENVIRONMENT=$(VENV) $(UV) sync --quiet --locked --inexact
DEMO := .demo

.PHONY: help setup format lint types imports unit check services omero-wheels test faults chaos demo clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

$(BIN)/python:
	@python3 -m venv $(VENV) || { echo "python3 -m venv does not work; on Debian: apt install python3-venv"; exit 1; }
	@command -v uv >/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(VENV)/.ready: pyproject.toml uv.lock | $(BIN)/python
	@echo "setting up $(VENV) for developers"
	@$(SYNC) --extra readers --extra bioformats --extra postgres --extra stats
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
	$(BIN)/pytest -q -n auto -m fast

check: lint types imports unit ## What every commit keeps green; some minutes

services: setup ## Install the system packages that tests need (root, or sudo)
	cd tests && ../$(BIN)/python -m services.install

omero-wheels: | $(BIN)/python ## Build Ice for Python, which OMERO needs; once a machine, some minutes
	$(BIN)/python deploy/ice/build_wheel.py

test: lint types imports services unit ## Everything: real Slurm, sshd, Apptainer, PostgreSQL, OMERO.grid, a browser; all started and stopped here
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not fast and (not faults or faults_short)"

faults: setup services ## Break everything under runs, one thing at a time; about an hour
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not fast" tests/faults

N ?= 50
chaos: setup services ## Break things at random: N=200 faults; SEED= repeats a walk
	cd tests && ../$(BIN)/python -m faults.chaos $(N) $(SEED)

demo: $(VENV)/.runtime ## Segment nuclei on real images, on this machine alone
	@sh demo/demo.sh $(BIN) $(DEMO)

clean: ## Remove what the commands above made
	rm -rf $(VENV) $(DEMO) .test-env .mypy_cache .ruff_cache .pytest_cache .hypothesis
