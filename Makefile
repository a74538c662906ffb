# `make run` opens the dashboard, `make test` checks everything. Only Python 3.11 or 3.12 and make
# are needed; both make the virtual environment they use.
SHELL := /bin/bash
VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null \
	&& echo $$p && break; done)
LOOPS := credit_core/data/compiled.py credit_core/data/contract.py credit_core/data/distinct.py \
	credit_core/data/numbering.py $(wildcard credit_core/*/*_kernels.py credit_core/*/kernels.py)
export OMP_WAIT_POLICY := passive
export MLFLOW_DISABLE_TELEMETRY := true
# Every process imports the same modules: they are compiled once.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test lint types contracts unit demo mlflow benchmark clean lock help

help:
	@echo "make run    install, train the demo champions if there are none, open the dashboard"
	@echo "make test   install, then lint, types, import contracts and all tests"
	@echo "make mlflow open MLflow's own screens on http://localhost:5000"
	@echo "make benchmark, make lock, make clean"

run: $(VENV)/.runtime
	@$(MAKE) --no-print-directory --jobs=2 demo $(VENV)/.loops
	@echo "Candor opens on http://localhost:8501 (Ctrl-C stops it)"
	@$(BIN)/candor serve

# The demo champions: one on the proxy label, one on the observed outcomes.
demo: $(VENV)/.runtime
	@$(BIN)/python -m app.demo

# The first large file need not wait for the loops that read it to be compiled.
$(VENV)/.loops: app/loops.py $(LOOPS) $(VENV)/.runtime
	@$(BIN)/python -m app.loops
	@touch $@

test: $(VENV)/.development lint types contracts unit

lint: $(VENV)/.development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.development
	$(BIN)/mypy

contracts: $(VENV)/.development
	$(BIN)/lint-imports

unit: $(VENV)/.development $(VENV)/.loops
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations=20

mlflow: $(VENV)/.runtime
	$(BIN)/mlflow server --backend-store-uri sqlite:///$(CURDIR)/models/mlflow.db --port 5000

benchmark: $(VENV)/.development
	@for name in features batch scoring api; do \
		echo "benchmarks/$$name.py"; $(BIN)/python benchmarks/$$name.py || exit 1; done

lock: $(VENV)/.runtime
	$(BIN)/uv pip compile --universal --python-version 3.11 --no-header -q requirements-dev.txt \
		-o requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build *.egg-info

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Candor needs Python 3.11 or 3.12; none was found."; exit 1; }
	@echo "Making the virtual environment with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

# The lock pins the set the tests pass on; the constraint keeps what is not needed out.
$(VENV)/.runtime: requirements.txt requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing what Candor runs on"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode \
		-r requirements.txt -c requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

# PySpark comes as source only: with --jobs=2 its wheel is built while the rest is installed.
$(VENV)/.wheels: requirements-spark.txt requirements.lock | $(VENV)/bin/python
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps -c requirements.lock \
		-w $(VENV)/wheels pyspark
	@touch $@

$(VENV)/.development: requirements-dev.txt requirements.lock $(VENV)/.runtime $(VENV)/.wheels
	@echo "Installing what the tests need"
	@mkdir -p $(VENV)/wheels  # installed once, it is gone
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode -r requirements-dev.txt \
		-c requirements.lock --find-links $(VENV)/wheels
	@rm -rf $(VENV)/wheels
	@touch $@
