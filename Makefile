# i2i: `make demo` trains and generates images, `make test` runs the tests. Both first set up a virtual environment.

PYTHON ?= python3
VENV ?= .venv
CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
WORKERS ?= $(shell [ $(CORES) -gt 4 ] && echo 4 || echo $(CORES))
PYTEST_ARGS ?=

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO := demo
DEMO_SIZE ?= 128
DEMO_STEPS ?= 4000
FACE_MODELS := mobile-ffhq faceplugin-detection faceplugin-landmarks
EDIT := $(BIN)/i2i edit --generator mobile-ffhq

define WRITE_LABELS
import numpy as np, i2i
from i2i.toolkit.images import save_image
facades = i2i.load_registry().get("dataset", "facades")()
for number in range(8):
    _, labels = facades.draw(np.random.default_rng([2024, number]), $(DEMO_SIZE))
    save_image(f"$(DEMO)/labels/{number}.png", labels)
endef
export WRITE_LABELS

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo edit_faces test lint docs lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## Make the virtual environment .venv from the lock file

$(STAMP): requirements.lock setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || { \
		echo "i2i needs Python 3.10 or newer, and '$(PYTHON)' is not: type 'make PYTHON=/path/to/python3.11'." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "Python's venv module is missing: type 'sudo apt install python3-venv' and 'make' again." >&2; exit 1; }
	@echo "Installing into $(VENV); PyTorch is large, so the first time takes some minutes."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=24"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement requirements.lock
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--no-build-isolation --editable .
	@touch $@

demo: $(STAMP) ## Train pix2pix for about three minutes on synthetic facades; then edit real-looking faces
	@rm -rf $(DEMO)/run $(DEMO)/labels $(DEMO)/images
	@mkdir -p $(DEMO)
	$(BIN)/i2i train pix2pix --dataset facades --source synthetic --size $(DEMO_SIZE) --width 32 --discriminator-width 32 \
		--steps $(DEMO_STEPS) --decay 0.5 --out $(DEMO)/run
	@$(BIN)/python -c "$$WRITE_LABELS"
	$(BIN)/i2i predict $(DEMO)/run $(DEMO)/labels --out $(DEMO)/images
	@echo
	@echo "Unseen label maps: $(DEMO)/labels"
	@echo "Generated images:  $(DEMO)/images"
	@echo "Training progress: $(DEMO)/run/samples and $(DEMO)/run/curves.png"
	@echo
	@if $(BIN)/i2i models fetch $(FACE_MODELS); then $(MAKE) --no-print-directory edit_faces; \
	else echo "Edits of real-looking faces are skipped, as their models cannot be downloaded."; fi
	@echo
	@echo "With the mouse:    $(BIN)/i2i ui"

edit_faces:
	$(EDIT) --plugin drag --preset smile --image seed:5 --out $(DEMO)/smile
	$(EDIT) --plugin mix --preset style --grid --image seed:0 --image seed:5 --image seed:8 \
		--image other=seed:9 --image other=seed:1 --image other=seed:7 --out $(DEMO)/style
	$(EDIT) --plugin mix --preset morph --strengths 0:1:7 --image seed:0 --image seed:5 --image seed:8 --out $(DEMO)/morph
	@echo
	@echo "A dragged smile:   $(DEMO)/smile/before_after.png and $(DEMO)/smile/frames.gif"
	@echo "Mixed styles:      $(DEMO)/style/grid.png"
	@echo "A morph:           $(DEMO)/morph/grid.png and $(DEMO)/morph/frames.gif"

# Each pytest worker gets one thread: more workers than cores times threads only wait for one another.
test: $(STAMP) ## Install and run all tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)

lint: $(STAMP) ## Check style, imports and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/mypy

docs: $(STAMP) ## Build the documentation into site/
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --editable '.[docs]'
	$(BIN)/python docs/generate.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

lock: $(STAMP) ## Resolve the dependencies anew into requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --universal --python-version 3.10 --upgrade --extra test --extra lint --no-annotate \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --quiet --output-file requirements.lock setup.cfg

clean: ## Remove the virtual environment, the demo, built pages and caches
	rm -rf $(VENV) $(DEMO) build dist site .pytest_cache .mypy_cache .ruff_cache *.egg-info
