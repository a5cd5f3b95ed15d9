# All of it works on a bare checkout: `make run`, `make test`.

BIN := .venv/bin
PYTHON ?=
ARGS ?=

# The first Python that will do, an existing .venv's before all; `make run PYTHON=/path/to/python3`
# names another. Recipes `exec`: what make signals is then the program itself, not a shell.
INSTALL = for python in $(BIN)/python $(PYTHON) python3.13 python3.12 python3.11 python3; do \
	"$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& exec "$$python" -I budgetrouter/serving/install.py $(1); done; \
	echo "Python 3.11 or newer with its venv module is needed, and was not found." >&2; \
	echo "  Debian, Ubuntu  apt-get install python3 python3-venv" >&2; \
	echo "  elsewhere       https://www.python.org/downloads/" >&2; \
	echo "  or name one     make $@ PYTHON=/path/to/python3" >&2; exit 1

# Settings of checks: nothing from a developer's .env or database.
NEUTRAL = ENV_FILE=/dev/null SECRET_KEY=checks-only DATABASE_URL=sqlite://:memory:

.PHONY: help run test check format bench clean
.DEFAULT_GOAL := help

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## /\1 /p' $(MAKEFILE_LIST) | awk '{ n = $$1; $$1 = ""; printf "  make %-8s%s\n", n, $$0 }'

run: ## install what is needed and serve on http://127.0.0.1:8000 (or PORT) until Ctrl-C
	@$(call INSTALL,requirements.txt)
	@exec $(BIN)/python -m budgetrouter.serving.prepare
	@exec $(BIN)/python manage.py serve --stop-with-parent

test: ## install what tests need and run all of them; ARGS="-k ledger" narrows
	@$(call INSTALL,requirements-dev.txt)
	@($(call INSTALL,requirements-demo.txt)) || echo "Tests of the embedded model are skipped."
	@$(BIN)/python -m tests.surroundings
	@exec $(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

check: ## lint, formats, types, the import contract, Django's checks, missing migrations
	@$(call INSTALL,requirements-dev.txt)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint templates --lint --quiet
	$(NEUTRAL) $(BIN)/python manage.py check
	$(NEUTRAL) $(BIN)/python manage.py makemigrations --check --dry-run

format: ## rewrite code and templates in the project's format
	@$(call INSTALL,requirements-dev.txt)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: ## measure this router beside others, see docs/performance.md; ARGS="--only router --quick" narrows
	@$(call INSTALL,requirements.txt)
	@exec $(BIN)/python -m bench.run $(ARGS)

clean: ## remove what can be made again; keeps .env, var/ and logs/
	rm -rf .venv staticfiles .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
