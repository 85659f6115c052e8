# Everything starts from an empty clone: the first target that needs it makes the environment.
PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2 # processes that share the tests
RUN := $(VENV)/bin/python
NEARWIRE := $(VENV)/bin/nearwire

.PHONY: demo test lint bench figures clean
demo: $(VENV)/ready ## the main job: data -> network -> build -> every backend agrees -> table
	$(NEARWIRE) train fit --data digits --out runs/digits
	$(NEARWIRE) compile runs/digits --out build/digits
	$(NEARWIRE) runtime bench build/digits
	$(NEARWIRE) runtime profile build/digits --backend firmware
	@echo "the network and what it costs, explained: build/digits/report.html"

test: lint ## everything CI checks
	$(RUN) -m pytest -n $(WORKERS) --dist worksteal

lint: $(VENV)/ready
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

bench: $(VENV)/bench ## measurements against peers; printed, never asserted
	$(NEARWIRE) bench epoch_time
	$(NEARWIRE) bench tiled_memory
	$(NEARWIRE) bench kernels
	$(NEARWIRE) bench table
	$(NEARWIRE) bench peers
	$(NEARWIRE) bench linux

figures: $(VENV)/ready ## the pictures in docs/, measured and drawn again
	$(NEARWIRE) bench table --write
	$(NEARWIRE) bench front
	$(NEARWIRE) bench spiking
	$(NEARWIRE) bench pictures
	$(NEARWIRE) train paper all --shipped --out docs/paper

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
