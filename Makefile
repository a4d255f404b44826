# make demo     one whole cycle on the bundled incident
# make test     all tests that this machine can run; what it could not run is listed at the end
# make check    lint, types, architecture
# make fix      what the tools can put right by themselves
# make bench    speed, as ratios to named floors in the same run; DATA=FOLDER adds larger logs and accuracy
# make pictures the README's pictures, from a demo cycle; needs Chromium, and what .ci/run fetches
# make lock     resolve the dependencies anew
#
# Needs Python 3.11 or later, git and make. Uses uv where it is there and works, else venv and pip.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTEST_ARGS ?=
COMPILE := uv pip compile pyproject.toml --quiet --extra demo --extra bedrock --universal --python-version 3.11 \
	--generate-hashes --no-header --no-emit-index-url

.PHONY: demo test check fix bench pictures lock clean

$(READY): requirements.lock pyproject.toml
	@echo "Setting up $(VENV) (once; a minute or two)"
	@if command -v uv >/dev/null 2>&1 && \
		UV_SYSTEM_CERTS=1 uv venv --quiet --clear --seed --python "$(PYTHON)" $(VENV) && \
		UV_SYSTEM_CERTS=1 uv pip install --quiet --require-hashes --python $(BIN)/python -r requirements.lock && \
		uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable . ; \
	then :; else \
		"$(PYTHON)" -m venv --clear $(VENV) && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . ; \
	fi
	@touch $(READY)

demo: $(READY)
	@$(BIN)/bot cycle --focus message-routing --demo

test: $(READY)
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(PYTEST_ARGS)

check: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

fix: $(READY)
	@$(BIN)/ruff check --fix .

bench: $(READY)
	@$(BIN)/python -m tests.bench $(if $(DATA),--data "$(DATA)")

pictures: $(READY)
	@$(BIN)/python -m tests.browser.pictures

lock:
	@$(BIN)/uv --version >/dev/null 2>&1 || command -v uv >/dev/null || { echo "make lock needs uv: pip install uv"; exit 1; }
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(COMPILE) --upgrade --group dev -o requirements.lock
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(COMPILE) --group build -c requirements.lock -o requirements-run.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
