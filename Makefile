# The two doors: `make demo` and `make test`. Both set up their own environment in .venv.
PYTHON ?= python3
BIN := .venv/bin
DATA ?=
OUT ?= output
# Every branch of these is tested.
SAFETY := thermal_bms/protection.py,thermal_bms/supervisor.py,thermal_bms/contactors.py,thermal_bms/limits.py,thermal_bms/plausibility.py,thermal_bms/cross_checks.py,thermal_bms/thermal_watch.py,thermal_bms/charging.py,thermal_bms/cycle.py,thermal_bms/faults.py,thermal_bms/can/*

.PHONY: help demo test lint types bench balancing bench-mpc bench-sweep validate wheel format clean

help:            ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

.venv/.stamp: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: $(PYTHON) is older than 3.11: make PYTHON=python3.11"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: .venv/.stamp   ## run the main job and leave output/demo/report.html
	$(BIN)/thermal-bms run heavy_lfp_truck_day --out $(OUT)/demo

lint: .venv/.stamp   ## style, types, import order
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint wheel     ## everything that must hold; DATA=folder adds the checks on measured data
	$(BIN)/pytest $(if $(DATA),--data="$(abspath $(DATA))") --cov=thermal_bms --cov-branch --cov-report=
	$(BIN)/coverage report --include='$(SAFETY)' --skip-covered --show-missing --fail-under=100

wheel: .venv/.stamp  ## build the wheel and look into it
	rm -rf dist
	$(BIN)/python -m build --wheel --outdir dist . > /dev/null
	$(BIN)/check-wheel-contents dist/*.whl

bench: .venv/.stamp  ## speed figures for this machine, as printed in docs/performance.md
	$(BIN)/python tools/bench.py

bench-sweep: .venv/.stamp  ## speed-up of a sweep on two processes, as printed in docs/tuning.md
	$(BIN)/python tools/bench_sweep.py --ticks 1 5

balancing: .venv/.stamp ## time and energy to remove an imbalance, as in docs/balancing.md, some minutes
	$(BIN)/python tools/balancing_check.py

bench-mpc: .venv/.stamp  ## step time and memory of the predictive controller, as in docs/mpc.md
	PYTHONPATH=. $(BIN)/python tools/bench_mpc.py

# PyBaMM and BLAST-Lite are for comparison only and stay out of .venv.
.venv-validate/.stamp: pyproject.toml
	$(PYTHON) -m venv .venv-validate
	.venv-validate/bin/python -m pip install --quiet --disable-pip-version-check pybamm casadi blast-lite .
	@touch $@

validate: .venv/.stamp .venv-validate/.stamp ## models against live PyBaMM and BLAST-Lite, some ten minutes; DATA=folder adds measured drives
	.venv-validate/bin/python tools/validate_live.py --out $(OUT)/validation/live
	$(BIN)/thermal-bms validate --out $(OUT)/validation --reference $(OUT)/validation/live $(if $(DATA),--data "$(abspath $(DATA))")

format: .venv/.stamp ## write the code in the house style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:           ## remove everything that was made
	rm -rf .venv .venv-validate dist build $(OUT) .pytest_cache .mypy_cache .ruff_cache
