# Every target sets up what it needs: on a fresh machine the first one takes a minute or two.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
JOBS   := 2

.PHONY: demo test lint bench chaos clean

demo: $(STAMP)
	@$(BIN)/saltern-up --demo

test: $(STAMP)
	@sh tests/packages.sh
	$(BIN)/pytest -n $(JOBS) --dist loadfile $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tests/import_rules.py

# make bench NAME=ping [ARGS=--quick]
bench: $(STAMP)
	@test -f "bench/$(NAME).py" || { echo "usage: make bench NAME=<one of: $(basename $(notdir $(wildcard bench/*.py)))> [ARGS=--quick]"; exit 2; }
	$(BIN)/python bench/$(NAME).py $(ARGS)

# Faults of all kinds over all programs, then all is compared: make chaos [ARGS="--minutes 30 --seed 7"]
chaos: $(STAMP)
	@$(BIN)/python -m chaos $(ARGS)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(STAMP): pyproject.toml
	@echo "setting up $(VENV) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(STAMP)
