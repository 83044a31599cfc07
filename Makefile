# make demo · make serve · make test · make test-slow · make bench · make lint · make docs   (each builds .venv itself)
# make wheel · make smoke   (each in an environment of its own)

PYTHON ?= python3
VENV := .venv
SCRIPTS := $(if $(filter Windows_NT,$(OS)),Scripts,bin)
BIN := $(VENV)/$(SCRIPTS)
STAMP := $(VENV)/.installed
# Bytecode of 15,000 files takes half of the installation; Python makes what it imports.
QUICK := --quiet --disable-pip-version-check --no-compile -c constraints.txt

.PHONY: venv demo serve test test-slow lint types style docs wheel smoke bench clean

venv: $(STAMP)

$(STAMP): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "onepass needs Python 3.11 or newer; this is $$($(PYTHON) --version). Try make PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(QUICK) "setuptools>=77"
	$(BIN)/python -m pip install $(QUICK) --no-build-isolation -e ".[train,firefox,files,tensorboard,detect,dev,docs]"
	@touch $@

demo: venv
	$(BIN)/onepass translate "Where is the station?" "My sister bought a red car." "I would like a cup of tea."
	$(BIN)/onepass run recipes/firefox-phrasebook.toml --to runs/firefox-phrasebook

serve: venv
	$(BIN)/onepass serve

test: venv  # the tests start many processes, so compiled modules are kept
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow" -n 2 --dist worksteal --durations=15

test-slow: venv
	$(BIN)/python -m pytest tests -m slow --summary docs/results/test-slow.json

docs: venv
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

lint: venv
	@$(MAKE) --no-print-directory --jobs 2 types docs style

types: venv
	$(BIN)/mypy

style: venv
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

wheel:
	rm -rf dist build
	$(PYTHON) -m venv build/tools
	build/tools/$(SCRIPTS)/python -m pip install --quiet --disable-pip-version-check "build>=1.2" "twine>=6.1"
	build/tools/$(SCRIPTS)/python -m build --outdir dist .
	build/tools/$(SCRIPTS)/python -m twine check --strict dist/*

smoke:  # what users get: the runtime alone
	rm -rf build/smoke
	$(PYTHON) -m venv build/smoke
	build/smoke/$(SCRIPTS)/python -m pip install --quiet --disable-pip-version-check .
	build/smoke/$(SCRIPTS)/onepass translate "Where is the station?" "I would like a cup of tea."

bench: venv
	$(BIN)/python benchmarks/train_throughput.py
	$(BIN)/python benchmarks/distill_speed.py
	$(BIN)/python benchmarks/engine_agreement.py
	$(BIN)/python benchmarks/align_speed.py
	$(BIN)/python benchmarks/scale.py --until prepare
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/service_load.py

clean:
	rm -rf $(VENV) build dist src/*.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
