# Every target sets up what it needs: on a fresh machine the first one takes a minute or two.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
JOBS   := 3
# A whole run of tests takes a quarter of an hour where two of them share the machine with others.
LIMIT  := 60m

.PHONY: demo test lint bench chaos clean

demo: $(STAMP)
	@$(BIN)/saltern-up --demo

# Bytecode is kept, also where that is switched off: to compile all sources at each start takes long.
# What is over the limit is interrupted, so that what is known by then is told.
test: $(STAMP)
	@sh tests/packages.sh
	env -u PYTHONDONTWRITEBYTECODE timeout --foreground --signal=INT --kill-after=120 $(LIMIT) \
		$(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder --timeout 120 $(ARGS)

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
