# Everything a developer needs: `make test`, `make demo`, `make lint`. On Windows see the README.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Tests of the window need a display: the one that is there, one made up by Xvfb, or else Qt without any.
DISPLAYED := $(if $(DISPLAY)$(WAYLAND_DISPLAY),,$(if $(shell command -v xvfb-run 2>/dev/null),\
	xvfb-run -a -s "-screen 0 1600x1000x24",env QT_QPA_PLATFORM=offscreen))

.PHONY: help test demo lint benchmarks clean

help:
	@echo "make test        all tests, those of the napari window too"
	@echo "make lint        ruff, mypy --strict, the napari manifest"
	@echo "make demo        the whole way once, on a made-up image, into demo/"
	@echo "make benchmarks  the figures of benchmarks/RESULTS.md"
	@echo "make clean       remove .venv and demo/"

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[io,napari,dev]"
	touch $(STAMP)

test: $(STAMP)
	$(DISPLAYED) $(BIN)/python -m pytest -n 2

demo: $(STAMP)
	$(BIN)/dinoscope demo --out demo

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/npe2 validate dinoscope

benchmarks: $(STAMP)
	$(BIN)/python -m benchmarks.vnc
	$(BIN)/python -m benchmarks.seams
	$(BIN)/python -m benchmarks.distillation
	$(DISPLAYED) $(BIN)/python -m benchmarks.napari_window
	$(BIN)/python -m benchmarks.report

clean:
	rm -rf $(VENV) demo
