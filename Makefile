# Everything a developer or a build machine does, as one command each. Needs Python 3.11 or newer, make, and a package registry.
#
# `make demo` and `make test` each work as the only command on a fresh clone: they make .venv and install what the locks name, checked
# by hash. A stamp in .venv makes the second run start at once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
DEVELOPMENT := $(VENV)/.development
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --system-certs --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

# What no file may name: the host, folder or option of a package registry, and a path of the machine it was written on.
REGISTRIES := --(extra-)?index-url|https?://[^ \"]+/simple|py[p]i\.|py[t]honhosted\.|PIP_(INDEX|FIND)
MACHINE := (^|[^[:alnum:]_.{}/-])/(root|home|Users|work)/
absent = git grep -nIE -e '$(1)' -- $(2) ':!Makefile'; test $$? -eq 1 || { echo "lint: $(3)" >&2; exit 1; }

.DEFAULT_GOAL := help
.PHONY: help demo test bench chaos mutants lint style types layers files docs lock wheel clean

help: ## Say what there is
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(RUNTIME) ## Watch a fictitious company being reminded, in three languages (ARGS="--to-the-end" does not wait)
	@$(BIN)/notifier demo $(ARGS)

test: $(DEVELOPMENT) ## Run all tests (ARGS="tests/unit" for some of them); what cannot run here is named at the end
	$(BIN)/python -m pytest -n auto -q -rfEX -p tests.not_run $(if $(NOTIFIER_TEST_NOTHING_SKIPPED),-p tests.nothing_skipped) $(ARGS)

bench: $(DEVELOPMENT) ## Measure sending, planning, the roster, answers and pages, beside other programs where there are any (needs Debian's postfix, and npm)
	@for part in mails latency memory plan roster answers dashboard; do $(BIN)/python -m bench.$$part; done

chaos: $(DEVELOPMENT) ## Kill, stop, cut, fill and lock it for ten minutes and say what came of it (SEED=7 for the same choices, MINUTES=60)
	$(BIN)/python -m tests.faults.chaos $(if $(SEED),--seed $(SEED)) --minutes $(or $(MINUTES),10) $(ARGS)

mutants: $(DEVELOPMENT) ## Change the code in one small thing at a time and see whether a test notices (ARGS="domain", ARGS="store --digits 37")
	$(BIN)/python -m tests.mutants $(ARGS)

lint: style types layers files ## Check style, types, the rule of imports, the locks, and that no file names a registry

style: $(DEVELOPMENT)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEVELOPMENT)
	$(BIN)/mypy notifier docs/generate.py

layers: $(DEVELOPMENT)
	$(BIN)/lint-imports --no-logo

files:
	@$(call absent,https?://,'*.lock',a lock names an address)
	@$(call absent,$(REGISTRIES),.,a file names a package registry)
	@$(call absent,$(MACHINE),.,a file names a path of one machine)

docs: $(DEVELOPMENT) ## Write the parts of the reference that come from the code
	$(BIN)/python docs/generate.py

lock: $(DEVELOPMENT) ## Pin what pyproject.toml asks for (UPGRADE=1 takes the newest)
	$(COMPILE) -o requirements.lock
	$(COMPILE) --group dev -c requirements.lock -o requirements-dev.lock
	$(COMPILE:pyproject.toml=) --group build -c requirements-dev.lock -o requirements-build.lock

wheel: $(VENV) ## Build the wheel into dist/
	@$(INSTALL) --require-hashes -r requirements-build.lock
	$(BIN)/hatchling build -t wheel

clean: ## Remove everything that can be made again
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .demo

$(VENV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "notifier needs Python 3.11 or newer, and $(PYTHON) is %d.%d; name another: make PYTHON=python3.11" % sys.version_info[:2])'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(RUNTIME): requirements.lock requirements-build.lock pyproject.toml | $(VENV)
	@echo "Installing into $(VENV) ..."
	@$(INSTALL) --require-hashes -r requirements.lock
	@$(INSTALL) --require-hashes -r requirements-build.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEVELOPMENT): requirements-dev.lock pyproject.toml | $(VENV)
	@echo "Installing into $(VENV) ..."
	@$(INSTALL) --require-hashes -r requirements-dev.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@
