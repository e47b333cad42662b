# Everything a developer needs: `make test`, `make demo`, `make lint`. On Windows see the README.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help test demo lint benchmarks clean

help:
	@echo "make test | demo | lint | benchmarks | clean"

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[io,dev]"
	touch $(STAMP)

test: $(STAMP)
	$(BIN)/python -m pytest -n 2

demo: $(STAMP)
	$(BIN)/dinoscope demo --out demo

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

benchmarks: $(STAMP)
	$(BIN)/python -m benchmarks.vnc
	$(BIN)/python -m benchmarks.seams
	$(BIN)/python -m benchmarks.distillation
	$(BIN)/python -m benchmarks.report

clean:
	rm -rf $(VENV) demo
