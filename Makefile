# `make demo` and `make test` work on a fresh machine with Python 3.11 or newer: each first makes .venv.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKERS ?= 2

.PHONY: venv chromium demo docs test test-all lint bench lock clean

venv: $(READY)

# The lock pins and hashes every package; the project itself needs nothing more to be installed.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV) || { echo "python3 -m venv does not work here; on Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --disable-pip-version-check -q --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check -q --no-deps --no-build-isolation -e .
	touch $@

# The browser tests drive the system's own Chromium.
chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
	command -v apt-get >/dev/null && test "$$(id -u)" = 0 && apt-get update -qq \
	&& DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; } \
	|| { echo "The browser tests need Chromium: sudo apt-get install -y chromium" >&2; exit 1; }

demo: venv
	$(BIN)/planner demo

# Branch coverage of `planner/` and `models/` is printed and has a floor (pyproject.toml); `make test COVER=` leaves it out.
COVER ?= -m coverage run
# Files go to the workers in their order, journeys first: by the number of tests they, the longest, would come last and
# leave a worker without work.

test: venv chromium
	rm -f .coverage .coverage.*
	$(BIN)/python $(COVER) -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not slow" --durations=10
	$(if $(COVER),$(BIN)/coverage combine -q && $(BIN)/coverage report)

test-all: venv chromium
	$(BIN)/python -m pytest -q -n $(WORKERS) --durations=10

# mypy cannot see that planner.models, planner.data and planner.app are the sibling folders, so it reads
# a throw-away tree of links in which they stand where the wheel puts them.
lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check -q .
	@tree=$$(mktemp -d) && trap 'rm -rf "$$tree"' EXIT && mkdir "$$tree/planner" \
	&& ln -s "$(CURDIR)"/planner/* "$(CURDIR)/models" "$(CURDIR)/data" "$(CURDIR)/app" "$$tree/planner/" \
	&& ln -s "$(CURDIR)/tests" "$$tree/tests" \
	&& cd "$$tree" && "$(CURDIR)/$(BIN)/mypy" --config-file "$(CURDIR)/pyproject.toml" \
		--cache-dir "$(CURDIR)/.mypy_cache" -p planner -p tests

# What docs/reference.md says stands in the code; a test fails where the page lags behind.
docs: venv
	$(BIN)/python -m planner.report.reference docs

bench: venv
	$(BIN)/python -m pip install --disable-pip-version-check -q --no-build-isolation -e '.[bench]'
	for script in benchmarks/*.py; do $(BIN)/python "$$script" || exit 1; done

lock: venv
	$(BIN)/python -m pip install --disable-pip-version-check -q pip-tools==7.6.2
	$(BIN)/pip-compile -q --generate-hashes --allow-unsafe --extra dev --strip-extras --no-header \
		--no-emit-options --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
		--output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) .coverage .coverage.* dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
