# `make` alone lists the targets. Every target makes .venv first if it is missing or out of date.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=
# Test files run side by side in so many processes; more do not help on two cores.
JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup check test experiment demo bench faults soak fuzz conformance clean

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: $(STAMP)  ## create .venv and install everything that the other targets use

$(STAMP): pyproject.toml constraints.txt scripts/setup.sh
	@sh scripts/setup.sh $(VENV)
	@touch $(STAMP)

check: $(STAMP)  ## ruff and mypy
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

test: check  ## check, then every test (ARGS="-m unit" for a part)
	@$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile $(ARGS)

experiment: $(STAMP)  ## the full experiment (ARGS=--quick for two minutes)
	@$(BIN)/python run_experiment.py $(ARGS)

demo: $(STAMP)  ## three backends and the balancer, with the curl lines to try
	@$(BIN)/python -m evaluation.demo $(ARGS)

bench: $(STAMP)  ## CPU per request beside nginx, HAProxy, Envoy … (ARGS=--quick for a minute)
	@$(BIN)/python -m evaluation.bench.data_path $(ARGS)

faults: $(STAMP)  ## thirteen faults under load, written to docs/faults.md (15 minutes)
	@$(BIN)/python -m evaluation.faults --page docs/faults.md $(ARGS)

soak: $(STAMP)  ## a million requests of all kinds; is memory flat, is anything left over?
	@$(BIN)/python -m evaluation.soak $(ARGS)

fuzz: $(STAMP)  ## bytes of clients or endpoints (ARGS="answers -max_total_time=300"; a minute of requests)
	@VENV=$(VENV) sh scripts/fuzz.sh $(ARGS)

conformance: $(STAMP)  ## our table of exchanges, and public suites where a variable says where they are
	@$(BIN)/python -m evaluation.conformance $(ARGS)

clean:  ## remove .venv, caches and reports
	@rm -rf $(VENV) build dist reports bench-results *.egg-info \
	  .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
