# make demo    a whole lane on this machine: devices, agent, broker, bridge and ledger
# make test    everything that must hold, as CI runs it
# make setup   only prepare .venv, so that .venv/bin/lanetally works
# make bench   the speed figures of the README
# make lab     a virtual store box with real USB devices; make lab SCENARIO=name plays one, CUTS=5
#              cuts the power less often, IDLE_MIN=2 does not let the lane rest for ten minutes,
#              ARCH=arm64 has the Pi's processor
# make soak    five minutes of a whole shop whose processes are killed at random; then power cuts and
#              the deterministic simulation with thousands of seeds
# make lock, make messages, make supported: refresh requirements.lock, the translations, the device list

BIN := .venv/bin
READY := .venv/.ready
BASKETS ?= 200
SEEDS ?= 0-4999
SCENARIO ?=
ARCH ?= amd64
CUTS ?= 20
IDLE_MIN ?= 10
SOAK_S ?= 300

.PHONY: demo test setup lint bench lab soak lock messages supported clean

demo: setup
	$(BIN)/lanetally demo --baskets $(BASKETS)

test: setup lint
	sh .ci/setup.sh test
	$(BIN)/python -m pytest -n logical --dist loadfile --cov --cov-report=
	$(BIN)/coverage report --skip-covered
	$(BIN)/coverage report --skip-covered --fail-under=100 --include='agent/domain/*'
	$(BIN)/coverage report --skip-covered --fail-under=100 --include='drivers/*/codec_*.py'

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

setup: $(READY)

$(READY): requirements.lock pyproject.toml .ci/setup.sh
	sh .ci/setup.sh
	touch $@

bench: setup
	$(BIN)/python -m tests.bench

lab: setup
	$(BIN)/python -m tests.lab --arch $(ARCH) --cuts $(CUTS) --idle-min $(IDLE_MIN) $(SCENARIO)

soak: setup
	sh .ci/setup.sh test
	LANETALLY_SOAK_S=$(SOAK_S) $(BIN)/python -m pytest -s tests/e2e/test_soak.py
	LANETALLY_SEEDS=$(SEEDS) $(BIN)/python -m pytest -n logical tests/durability tests/simulation

lock: setup
	UV_CUSTOM_COMPILE_COMMAND="make lock" .uv/bin/uv pip compile --quiet --upgrade --universal \
		--python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--no-annotate --group test --group check --output-file requirements.lock pyproject.toml

messages: setup
	$(BIN)/python -m tests.contract.catalogue

supported: setup
	$(BIN)/python -m tests.contract.supported
	$(BIN)/python -m tests.contract.rules

clean:
	rm -rf .venv .uv .coverage* .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist
