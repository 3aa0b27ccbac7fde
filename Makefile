# Everything a newcomer or a CI run needs; each target does its own set-up. Wants Python 3.11 and a network for the first run.
PYTHON ?= python3.11
PYTHON_NEXT ?= python3.13
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/ready
LINT := .venv-lint
LINT_READY := $(LINT)/ready
JOBS ?= auto
MATRIX := 4.2.23 4.5.15 5.0.1

.PHONY: help demo test test-slow lint format package package-offline install-check matrix bench campaign gui-test headless-test sample clean

help:  ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | column -t -s "$$(printf '\t')"

$(READY): pyproject.toml setup.py constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test,blender]"
	touch $@

$(LINT_READY): pyproject.toml constraints-lint.txt $(READY)
	$(PYTHON) -m venv $(LINT)
	$(LINT)/bin/python -m pip install --quiet --disable-pip-version-check -r constraints-lint.txt
	touch $@

demo: $(READY)  ## reconstruct the bundled sample inside Blender; see demo/
	-$(VENV)/bin/levelform weights get u2netp
	$(PY) tools/demo.py --out demo

test: $(READY)  ## the whole suite but the slow tests, one process per core; JOBS=1 for one
	OMP_NUM_THREADS=1 $(PY) -m pytest -n $(JOBS) --maxprocesses 4 --dist loadfile

test-slow: $(READY)  ## the tests that take minutes
	$(PY) -m pytest -m slow

lint: $(LINT_READY)  ## ruff, and types against Blender's stubs
	$(LINT)/bin/ruff check .
	$(LINT)/bin/ruff format --check .
	$(LINT)/bin/basedpyright --level error

format: $(LINT_READY)  ## let ruff put things in order
	$(LINT)/bin/ruff check --fix .
	$(LINT)/bin/ruff format .

package: $(READY)  ## the extension's zip and a repository of it, by Blender's own tool
	$(PY) tools/package.py --out dist

package-offline: $(READY)  ## zips with the backend for the processor, one a platform; OFFLINE="--platforms linux-x64"
	$(PY) tools/package_offline.py --out dist/offline $(OFFLINE)

install-check: package  ## install the built zip into a fresh Blender and reconstruct with it
	$(PY) tools/install_check.py dist

matrix: $(READY) $(MATRIX:%=matrix-%) matrix-5.2.3  ## the suite in every supported Blender

venv-bpy-%:
	@test "$*" = 5.2.3 || { test -d .venv-bpy-$* || $(PYTHON) -m venv .venv-bpy-$*; \
	  grep -v '^bpy==' constraints.txt >.venv-bpy-$*/constraints.txt && \
	  .venv-bpy-$*/bin/python -m pip install --quiet --disable-pip-version-check "bpy==$*" \
	    -c .venv-bpy-$*/constraints.txt -e ".[test]"; }
	@test "$*" != 5.2.3 || { test -d .venv-bpy-$* || $(PYTHON_NEXT) -m venv .venv-bpy-$*; \
	  .venv-bpy-$*/bin/python -m pip install --quiet --disable-pip-version-check "bpy==$*" pytest pytest-timeout; }
	.venv-bpy-$*/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .

matrix-%: $(READY) venv-bpy-%
	LEVELFORM_PYTHON=$(CURDIR)/$(PY) .venv-bpy-$*/bin/python -m pytest

bench: $(READY)  ## measured ratios, one row a goal; BENCH="extraction channel" picks some
	$(PY) -m levelform.backend bench $(BENCH)

campaign: $(READY)  ## hostile inputs by the thousand, and counts of what became of them
	$(PY) tests/campaign/run.py $(CAMPAIGN)

gui-test: $(READY)  ## drive a real Blender window; set BLENDER to its command
	$(PY) tests/gui/run.py

headless-test: package  ## jobs, exports and scripts in a real Blender without a window; set BLENDER
	$(PY) tests/headless/run.py

sample: venv-bpy-4.2.23  ## make the bundled sample again, in the oldest Blender that must open it
	.venv-bpy-4.2.23/bin/python tools/make_sample.py

clean:  ## remove what the targets above made
	rm -rf $(VENV) $(LINT) .venv-bpy-* build dist demo *.egg-info
