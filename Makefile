# Every target sets up .venv by itself when it is missing or when the requirements changed.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
DEVELOPER := .venv/ready-dev
WORKERS := -n auto --maxprocesses 8 --dist worksteal
ON_BACKENDS := $(foreach room,models weights training,tests/unit/test_$(room).py) tests/golden
FUSED := $(foreach kind,intermediate late,weights/local/$(kind)-fusenet_synthetic-smic_glorot_seed0.weights.h5)

.PHONY: demo test test-fast test-backends requirements fuzz lint docs bench weights notebooks clean

demo: $(READY)  ## train MicroExpSTCNN on synthetic SMIC clips and score the saved weights
	$(BIN)/python -m microexp_keras.train --dataset smic --synthetic

test: $(DEVELOPER)  ## all tests
	$(BIN)/python -m pytest $(WORKERS)

test-fast: $(DEVELOPER)  ## what runs in seconds: no training command, no process, no notebook
	$(BIN)/python -m pytest $(WORKERS) -m "not slow" tests/unit tests/golden

test-backends: $(DEVELOPER)  ## that networks train on PyTorch and on JAX, and as on TensorFlow
	$(BIN)/python -m pip install --quiet torch==2.13.0 jax
	$(BIN)/python -m pytest -m backends tests/backends
	KERAS_BACKEND=torch $(BIN)/python -m pytest $(ON_BACKENDS)
	KERAS_BACKEND=jax $(BIN)/python -m pytest $(ON_BACKENDS)

requirements: $(DEVELOPER)  ## that the requirements resolve on every promised Python; asks the package registry
	$(BIN)/python .ci/requirements.py

fuzz: $(DEVELOPER)  ## a thousand damaged files of each kind, each read under limits of time and memory
	PYTHONPATH=tests $(BIN)/python -m fuzz.fuzz

lint: $(DEVELOPER)  ## style, types, and imports that run downwards only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(READY)  ## the documentation as pages, build/docs/index.html; a warning is an error
	$(BIN)/python -m pip install --quiet --requirement docs/requirements.txt
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -c docs . build/docs

bench: $(READY)  ## seconds per epoch on this machine
	$(BIN)/python benchmarks/epoch_time.py

weights: $(FUSED)  ## the fused networks trained on synthetic clips, 27 MB each, into weights/local, which git ignores
	$(BIN)/python weights/manifest.py verify weights/local

weights/local/%-fusenet_synthetic-smic_glorot_seed0.weights.h5: | $(READY)
	rm -rf build/weights-$*
	$(BIN)/python -m microexp_keras.train --dataset smic --synthetic --model $* --protocol glorot --seed 0 --out build/weights-$*
	$(BIN)/python weights/manifest.py add build/weights-$* $@

notebooks: $(DEVELOPER)  ## executes all five, on synthetic clips; the time of each is printed
	$(BIN)/python notebooks/execute.py

clean:  ## what the targets made, but for your runs and data
	rm -rf .venv build dist src/*.egg-info .pytest_cache .ruff_cache .mypy_cache .import_linter_cache

$(READY): requirements.txt setup.cfg pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or later is needed, not " + sys.version.split()[0] + ": make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $(READY)

$(DEVELOPER): $(READY) requirements-dev.txt
	$(BIN)/python -m pip install --quiet --requirement requirements-dev.txt
	touch $(DEVELOPER)
