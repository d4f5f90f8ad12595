# Two commands are all that a fresh machine needs: `make run` and `make test`. Each sets up .venv first.
#   make run ARGS="--for 60s"    everything, with the demo's bank as the feed; Ctrl-C ends it, the next run goes on
#   make test                    lint, types, tests
#   make bench NAME=pipeline     one figure, as a JSON line
#   make chaos KILLS=200         everything that can go wrong, under load, judged against an undisturbed run; SEED=n repeats one
#   make lock                    pin the newest versions that infra/requirements*.in allow

BIN := .venv/bin
NAME ?= pipeline
KILLS ?= 200
SEED ?= 100
ARGS ?=
export PYTHON

.PHONY: run test lint types tests bench chaos lock clean venv-run venv-test

run: venv-run
	$(BIN)/waxwing run --demo $(ARGS)

test: lint types tests

lint: venv-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: venv-test
	$(BIN)/mypy

tests: venv-test
	$(BIN)/pytest -n 2 --dist loadfile

bench: venv-run
	$(BIN)/waxwing bench $(NAME)

chaos: venv-test
	$(BIN)/python -m tests.recovery.chaos $(KILLS) $(SEED)

lock:
	infra/lock.sh

clean:
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

venv-run:
	@infra/venv.sh run

venv-test:
	@infra/venv.sh test
