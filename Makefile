# Everything starts from an empty clone: the first target that needs it makes the environment.
PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2 # processes that share the tests
RUN := $(VENV)/bin/python

.PHONY: demo test lint bench figures clean
demo: $(VENV)/ready ## the main job: data -> network -> build -> every backend agrees -> table
	$(RUN) -m train fit --data digits --out runs/digits
	$(RUN) -m compile runs/digits --out build/digits
	$(RUN) -m runtime bench build/digits
	$(RUN) -m runtime profile build/digits --backend firmware
	@echo "the network and what it costs, explained: build/digits/report.html"

test: lint ## everything CI checks
	$(RUN) -m pytest -n $(WORKERS) --dist worksteal

lint: $(VENV)/ready
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

bench: $(VENV)/bench ## measurements against peers; printed, never asserted
	$(RUN) -m bench.epoch_time
	$(RUN) -m bench.tiled_memory
	$(RUN) -m bench.kernels
	$(RUN) -m bench.table
	$(RUN) -m bench.peers
	$(RUN) -m bench.linux

figures: $(VENV)/ready ## the pictures in docs/, measured and drawn again
	$(RUN) -m bench.front
	$(RUN) -m bench.pictures
	$(RUN) -m train paper all --shipped --out docs/paper

$(VENV)/bench: $(VENV)/ready
	$(RUN) -m pip install -q -e '.[bench]'
	touch $@

$(VENV)/ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("nearwire needs Python 3.11 or newer: make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install -q -e '.[all,test]'
	touch $@

clean:
	rm -rf $(VENV) build runs
