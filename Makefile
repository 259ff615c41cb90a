# PYTHON makes the environment; everything else runs inside it.
PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/.ready

.PHONY: help search test test-all lint format parameters strings viz viz-site docs clean

help:
	@echo "make search     install, then search for the best network of the embedded experiment"
	@echo "make test       install, then run the tests that fit in ten minutes"
	@echo "make test-all   run all tests"
	@echo "make lint       check style, types, imports and dependencies"
	@echo "make format     put the code into the usual form"
	@echo "make parameters write the comments of conf/base and docs/parameters.md from the code"
	@echo "make strings    list in docs/strings.txt every text that a user can read"
	@echo "make viz        show the stages in a browser"
	@echo "make viz-site   build the same as a static site in build"
	@echo "make docs       build the documentation site in build/docs"
	@echo "make clean      remove what tests and checks left behind"

search: $(READY)
	$(BIN)/kedro run --pipeline search

test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile

test-all: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry src
	$(BIN)/python .ci/unsafe_loads.py src tests benchmarks notebooks

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

parameters: $(READY)
	$(BIN)/python -m contrastive_nas.parameter_reference

strings: $(READY)
	$(BIN)/python .ci/user_strings.py

viz: $(READY)
	$(BIN)/kedro viz run

viz-site: $(READY)
	$(BIN)/kedro viz build
	sed -i '/fonts[.]g/d' build/index.html  # its letters would come from another host

docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

clean:
	rm -rf .pytest_cache .mypy_cache .ruff_cache .viz build
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@
