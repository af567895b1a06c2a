# Everything runs from .venv, which is made from requirements.lock when it is missing or stale.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test soak look dev bench check clouds docs lock lambda clean mutants pictures

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

help:  ## Show what there is
	@grep -hE '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

demo: $(STAMP)  ## Run the whole pipeline on the sandbox: two weeks of snapshots to a dashboard
	@$(BIN)/python -m spotify_assets demo

test: export PYTHONDONTWRITEBYTECODE := # else every process of every run compiles all of it again
test: WORKERS := 3 # for two cores: a tenth of the time they wait, for a browser, a JVM or another process
test: $(STAMP)  ## Run all the tests
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -q -m "not soak and not clouds"

soak: $(STAMP)  ## Run the drills in their long form (an hour and a half)
	@$(BIN)/python -m pytest -q -m soak

look: $(STAMP)  ## Open every page of the dashboard in a headless Chromium: pictures in .look, axe, keyboard, no network
	@$(BIN)/python -m spotify_assets_tests.dashboard.look

mutants: $(STAMP)  ## Change the code in a copy, one place at a time, and see whether the tests notice (hours; PART=spotify_assets/lake)
	@$(BIN)/python -m spotify_assets_tests.mutants $(PART)

PORT ?= 3000
dev: $(STAMP)  ## Serve the Dagster UI on http://127.0.0.1:3000 (or PORT=…) and the dashboard, with a home that persists
	@$(BIN)/python -m spotify_assets dev --port $(PORT)

bench: $(STAMP)  ## Print the benchmarks, as ratios against baselines run side by side, and write their tables
	@$(BIN)/python -m benchmarks table

check: $(STAMP)  ## Lint, types and definitions, as CI runs them
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/python -m vulture
	@$(BIN)/python infra/web/check.py
	@$(BIN)/python -m pyright
	@$(BIN)/dg check defs
	@$(BIN)/hadolint --failure-threshold info infra/oss/Dockerfile
	@said=$$($(BIN)/compose-lint check --fail-on medium --config infra/oss/compose-lint.yml infra/oss/compose.yaml) || { echo "$$said"; exit 1; }
	@$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec infra/oss/compose.yaml

clouds: $(STAMP) .venv-clouds/.installed .venv-checkov/.installed  ## Try the AWS stack and the line on a second emulator, and run checkov
	@$(BIN)/python -m pytest -q -n 0 -m clouds spotify_assets_tests/clouds
	@.venv-checkov/bin/python -m checkov.main --config-file infra/clouds/checkov.yaml

.venv-clouds/.installed: infra/clouds/ministack.txt
.venv-checkov/.installed: infra/clouds/checkov.txt
.venv-clouds/.installed .venv-checkov/.installed: | $(STAMP)
	@$(BIN)/python -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

docs: $(STAMP)  ## Write the tables of docs and .env.example from settings and contract
	@$(BIN)/python docs/generate.py

pictures: $(STAMP)  ## Draw README's pictures of a demo: the dashboard and the graph (needs Chromium)
	@$(BIN)/python docs/pictures.py

lock:  ## Resolve requirements.lock again from pyproject.toml (needs uv and a network)
	@uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
		--no-header --quiet $(UPGRADE) -o requirements.lock
	@uv pip compile pyproject.toml infra/oss/image.in --extra postgres --constraint requirements.lock --universal \
		--python-version 3.11 --generate-hashes --no-header --quiet -o infra/oss/requirements.lock
	@uv pip compile pyproject.toml infra/dagster_plus/image.in --constraint requirements.lock --universal \
		--python-version 3.11 --generate-hashes --no-header --quiet -o infra/dagster_plus/requirements.lock
	@cd infra/clouds; for name in ministack checkov; do uv pip compile $$name.in --universal --python-version 3.11 \
		--generate-hashes --no-header --quiet $(UPGRADE) -o $$name.txt; done

lambda: $(STAMP)  ## Build the extraction Lambda's zip and print its size
	@$(BIN)/python infra/build_lambda.py

clean:  ## Remove the virtual environment (your data in .spotify_assets stays)
	@rm -rf $(VENV) .venv-clouds .venv-checkov

$(STAMP): requirements.lock pyproject.toml
	@python=""; \
	for candidate in "$${PYTHON:-}" python3.11 python3.12 python3.13 python3; do \
		if [ -n "$$candidate" ] && "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
		then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then echo "No Python 3.11 or newer found: install one, or set PYTHON=/path/to/python3.11." >&2; exit 1; fi; \
	echo "Installing into $(VENV) from requirements.lock (one to three minutes) …"; \
	"$$python" -m venv --clear $(VENV); \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .; \
	touch $(STAMP)
