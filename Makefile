# Every target sets up .venv from requirements.lock by itself when it is missing or stale.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready
PEERS := .venv-peers/.ready
FUZZER := .venv/.fuzzer
DATA := .monazite

.PHONY: help demo up test check check-style check-types check-mypy check-pyright check-protos check-layers fuzz bench docs wheel e2e-compose stubs lock upgrade clean clean-data

help:
	@echo "make demo         the whole story on real numbers, from nothing, in about a minute"
	@echo "make up           the suite with data that survive a restart (in $(DATA)); Ctrl-C stops it"
	@echo "make test         all tests"
	@echo "make check        ruff, mypy, pyright, buf, import-linter"
	@echo "make fuzz         looks for inputs that the library does not stand, for a minute"
	@echo "make bench        ratios measured in one run, into build/bench.json"
	@echo "make docs         the library's API from its docstrings, into build/docs"
	@echo "make wheel        the library, compiled too where a C compiler is, and the gRPC stubs as wheels, into build/wheels"
	@echo "make e2e-compose  the same story against containers"
	@echo "make stubs        generate the gRPC stubs anew"
	@echo "make lock         pin the dependencies of pyproject.toml; make upgrade takes the newest permitted"
	@echo "make clean        remove what was built; make clean-data removes the data of make up"

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

$(FUZZER): $(READY) tests/fuzz/fuzz.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r tests/fuzz/fuzz.lock
	touch $@

# The libraries that `make bench` compares with: one of them needs a cbor2 older than ours.
$(PEERS): benchmarks/peers.lock
	$(PYTHON) -m venv --clear .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	touch $@

demo: $(READY)
	$(BIN)/python -m clients.demo

up: $(READY)
	$(BIN)/python -m tools.local.up $(DATA)

# A process for each core, each with servers of its own; a file is one process's, since its tests may share what is
# slow to make. As listed, not by the number of tests: the files with the longest tests have few.
test: $(READY)
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

check: check-style check-types check-protos check-layers

check-style: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

check-types: check-mypy check-pyright

check-mypy: $(READY)
	$(BIN)/mypy

check-pyright: $(READY)
	$(BIN)/pyright --pythonpath $(BIN)/python

check-protos: $(READY)
	cd protos && ../$(BIN)/buf lint && ../$(BIN)/buf format --diff --exit-code

check-layers: $(READY)
	$(BIN)/lint-imports --no-cache

fuzz: $(FUZZER)
	$(BIN)/python -m tests.fuzz

bench: $(READY) $(PEERS) wheel
	$(BIN)/python -m benchmarks

# Each module by name: the package itself offers names and no modules.
LIBRARY := libs/provenance/monazite_provenance
MODULES := $(patsubst $(LIBRARY)/%.py,monazite_provenance.%,$(filter-out $(LIBRARY)/_%,$(wildcard $(LIBRARY)/*.py)))

docs: $(READY)
	$(BIN)/python -m pdoc --no-show-source --output-directory build/docs monazite_provenance $(MODULES) monazite_provenance.contents

WHEELS := build/wheels
WHEEL := $(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-index --no-build-isolation --wheel-dir $(WHEELS)
# The same library for this platform and this Python, compiled (docs/decisions/0014), where that can be done.
HEADERS = $(shell $(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("include"))')

wheel: $(READY)
	$(WHEEL) ./libs/provenance ./protos
	@if command -v $(CC) > /dev/null && test -f $(HEADERS)/Python.h; then \
		HATCH_BUILD_HOOK_ENABLE_CUSTOM=true $(WHEEL) ./libs/provenance; \
	else \
		echo "no C compiler or no headers of Python: the library was not compiled"; \
	fi

e2e-compose: $(READY)
	$(BIN)/python -m tools.containers.end_to_end

stubs: $(READY)
	$(BIN)/python tools/generate_stubs.py

lock:
	$(PYTHON) tools/lock.py

upgrade:
	$(PYTHON) tools/lock.py --upgrade

clean:
	rm -rf .venv .venv-peers build .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

clean-data: $(READY)
	$(BIN)/python -m tools.local.up $(DATA) --remove
