# Everything needs only Python >= 3.11, make and a package index.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo serve test check bench lock clean

help:
	@echo "make demo    measure central Helsinki; the map is out/helsinki/map.html"
	@echo "make serve   the shared map, at http://127.0.0.1:8765, over sightgrid.sqlite"
	@echo "make test    lint, types, import layers, all tests"
	@echo "make check   lint, types and import layers only"
	@echo "make bench   benchmarks (over an hour; parts need the optional ../shared)"

# The run-time packages alone: what a user installs.
.venv/runtime: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

# What the server needs on top.
.venv/server: requirements-server.lock .venv/runtime
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-server.lock
	touch $@

# The tools of the tests on top.
.venv/tools: requirements-test.lock .venv/server
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-test.lock
	touch $@

serve: .venv/server
	$(BIN)/sightgrid serve

demo: .venv/runtime
	$(BIN)/sightgrid demo --out out/helsinki

check: .venv/tools
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: check
	tests/install-browser
	tests/install-rtsp-server
	tests/install-postgis
	tests/install-gdal
	$(BIN)/python -m pytest -n auto --dist loadfile

bench: .venv/tools
	$(BIN)/pip install --quiet --disable-pip-version-check "pyvispoly==0.3.1"
	$(BIN)/python -m benchmarks.visibility
	$(BIN)/python -m benchmarks.replace
	$(BIN)/python -m benchmarks.city
	$(BIN)/python -m benchmarks.placement --seconds 110
	$(BIN)/python -m benchmarks.patrol
	$(BIN)/python -m benchmarks.health
	$(BIN)/python -m benchmarks.preview
	$(BIN)/python -m benchmarks.load
	$(BIN)/python -m benchmarks.tiles

# Pin what is installed now: names and versions only.
lock: .venv/tools
	$(BIN)/python scripts/lock.py

clean:
	rm -rf .venv out dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
