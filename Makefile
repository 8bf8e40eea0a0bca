# What one does here, in one word each. Needs Python 3.11 or newer, and make; all else comes from the lock files.

PYTHON ?= python3
BIN := .venv/bin
UV_COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help install run test lint audit drill bench pictures schema words lock clean

help:  ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/installed  ## Make .venv with the locked versions; then .venv/bin/release-stages is there

run: install  ## Start all of it; with no tracker in the environment, a small GitHub and a small Jira, too
	@exec $(BIN)/release-stages run

test: export PYTHONDONTWRITEBYTECODE =  # every process of the tests would compile the house anew
test: .venv/installed-dev  ## All tests
	$(BIN)/pytest -n 2 --dist worksteal -m "not drill"

lint: .venv/installed-dev  ## ruff (with bandit's rules) and mypy; known faults in what we install
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python .ci/audit.py

audit: .venv/installed-dev  ## Known faults in what we install, and no excuse where nobody could be asked
	$(BIN)/python .ci/audit.py --strict

drill: .venv/installed-dev  ## The long tests: the whole of each, the laws over thousands of histories, faults and deaths
	WHOLE=1 $(BIN)/pytest -n 2 --dist worksteal -m "not drill"
	$(BIN)/pytest -m "drill" --ignore tests/test_drill.py
	$(BIN)/python -m drill
	$(BIN)/python -m drill --postgres --workers 3 --issues 60 --minutes 1.5 --seed 5
	$(BIN)/python -m drill --upgrade before || [ $$? -eq 3 ]  # 3: the history is not here, which it says
	$(BIN)/python -m drill --upgrade before --postgres --seed 5 || [ $$? -eq 3 ]
	$(BIN)/python -m drill --upgrade next --seed 6
	$(BIN)/python -m drill --prove

bench: .venv/installed-dev  ## How quick it is, beside its peers; about a quarter of an hour, on a quiet machine
	$(BIN)/python -m bench

pictures: .venv/installed-dev  ## Make the pictures of the pages in docs/images anew, after a change that shows
	WRITE_PICTURES=1 REQUIRE_BROWSER=1 $(BIN)/pytest -q tests/browser/test_pictures.py -k write

schema: .venv/installed  ## Write the schemas in docs/ anew, after a change to the form of mappings.yaml
	$(BIN)/python -c 'from pathlib import Path; from integration.stages.file.schema import texts; \
		[Path("docs", name).write_text(text, "utf-8") for name, text in texts().items()]'

words: .venv/installed-dev  ## Write anew what docs/ show of what is said and printed, after a change to it
	WRITE_WORDS=1 $(BIN)/pytest -q tests/stories/test_what_it_says.py tests/stories/test_what_if_docs.py \
		tests/stories/test_getting_started.py

lock: .venv/installed-dev  ## Renew requirements.lock and requirements-dev.lock
	echo 'setuptools>=80' | $(UV_COMPILE) --upgrade pyproject.toml - --extra embedded -o requirements.lock
	echo 'setuptools>=80' | $(UV_COMPILE) pyproject.toml - --extra embedded --extra dev -c requirements.lock \
		-o requirements-dev.lock

clean:  ## Remove what was made here, but not var/, where Redis and the ledger are
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis ./*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/pip:
	@command -v $(PYTHON) >/dev/null || { echo "Python is missing. Install Python 3.11 or newer, or name it: make PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$$($(PYTHON) -V) is too old: Python 3.11 or newer is needed. Name one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "This Python cannot make virtual environments. On Debian or Ubuntu: sudo apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: requirements.lock pyproject.toml | .venv/bin/pip
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(MAKE) --no-print-directory .venv/ourselves
	@touch $@

.venv/installed-dev: requirements-dev.lock pyproject.toml | .venv/bin/pip
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(MAKE) --no-print-directory .venv/ourselves
	@touch $@ .venv/installed

.venv/ourselves: pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
