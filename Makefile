# Every target sets up what it needs by itself. ARGS is passed on: make test ARGS="-k settings"
.DEFAULT_GOAL := help
.PHONY: help setup demo test recall faults faults-short lint type bench services lock requirements sbom audit wheels recall-wheel release \
	image release-tools \
	schemas docs

bin := .venv/bin
uv := UV_PYTHON_DOWNLOADS=never .venv/.uv/bin/uv

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Build .venv from requirements.lock (PYTHON=... chooses the interpreter)
	@PYTHON="$(PYTHON)" scripts/bootstrap

demo: setup ## Run the main job once on real Kafka and Postgres, and show the result
	@$(bin)/marketmap demo $(ARGS)

test: setup ## Run all tests but the fault suite, two files at a time (ARGS="-n 0": one); starts Kafka and Postgres
	@$(bin)/pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

recall: ## Check the compiled part: format, lints and tests (needs cargo)
	@cargo fmt --manifest-path recall/Cargo.toml --check
	@cargo clippy --manifest-path recall/Cargo.toml --locked --quiet --all-targets -- --deny warnings
	@cargo test --manifest-path recall/Cargo.toml --locked --quiet

faults: setup ## Run the fault suite: break everything repeatedly and check the result (MARKETMAP_FAULT_SEED, _ROUNDS)
	@MARKETMAP_FAULT_ROUNDS=$${MARKETMAP_FAULT_ROUNDS:-2} $(bin)/pytest -m faults tests/faults $(ARGS)

faults-short: setup ## Run the fault suite in a few minutes: each fault once, without the longest
	@$(bin)/pytest -m "faults and not lengthy" tests/faults $(ARGS)

lint: setup ## Check style and the import rules
	@$(bin)/ruff check .
	@$(bin)/ruff format --check .
	@$(bin)/lint-imports

type: setup ## Check types
	@$(bin)/mypy $(ARGS)

bench: setup ## Measure the worker against others and check every answer (under 10 minutes; docs/performance.md)
	@$(bin)/marketmap bench $(ARGS)

services: setup ## Start Kafka and Postgres for development (stop: .venv/bin/marketmap services down)
	@$(bin)/marketmap services up

lock: setup ## Update requirements.lock from pyproject.toml (ARGS=--upgrade for the newest versions)
	@$(uv) pip compile pyproject.toml --quiet --extra local --extra insight --extra console --extra tracing --group dev --universal \
		--generate-hashes --no-emit-index-url --custom-compile-command 'make lock' -o requirements.lock $(ARGS)
	@$(uv) pip compile scripts/release-requirements.in --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --custom-compile-command 'make lock' -o scripts/release-requirements.txt $(ARGS)

requirements: setup
	@mkdir -p dist
	@$(uv) pip compile pyproject.toml --quiet --extra insight --extra console --universal --generate-hashes --no-header --no-annotate --no-emit-index-url \
		--constraints requirements.lock -o dist/requirements.txt

# In an environment of their own, in the versions and with the hashes of their lock file.
release-tools: setup
	@test -x .venv/.release/bin/python || $(uv) venv --quiet --python $(bin)/python .venv/.release
	@VIRTUAL_ENV=.venv/.release $(uv) pip sync --quiet --require-hashes --only-binary :all: scripts/release-requirements.txt

sbom: requirements release-tools ## Write dist/sbom.json: the packages and crates of an installation, in CycloneDX (needs the network)
	@PYTHONWARNINGS=ignore::UserWarning .venv/.release/bin/cyclonedx-py requirements dist/requirements.txt \
		--pyproject pyproject.toml --output-reproducible --output-format JSON --output-file dist/sbom.json
	@$(bin)/python scripts/sbom_crates.py dist/sbom.json recall/Cargo.lock

audit: requirements release-tools ## Check the packages for known weaknesses (ARGS="-s osv": another service; needs the network)
	@$(bin)/python scripts/audit.py .venv/.release/bin/pip-audit --require-hashes --disable-pip \
		--progress-spinner off --format json --requirement dist/requirements.txt $(ARGS)

wheels: setup ## Build dist/: wheels of worker, client kit and recall, sources of the last two (MARKETMAP_RECALL=no: not recall)
	@rm -f dist/*.whl dist/*.tar.gz
	@$(bin)/hatchling build --target wheel --directory dist
	@cd clients/python && ../../$(bin)/hatchling build --target wheel --target sdist --directory ../../dist
	@$(if $(filter no,$(MARKETMAP_RECALL)),echo "wheels: NOT with recall: MARKETMAP_RECALL=no" >&2,$(MAKE) --no-print-directory recall-wheel)

# One wheel serves every Python from 3.11 on. Its tag says the oldest glibc that it runs with, as maturin finds it.
# Paths of this machine are left out of the compiled file.
recall-wheel: setup
	@command -v cargo >/dev/null || { echo "wheels: no Rust compiler (cargo) is found; without recall:" \
		"MARKETMAP_RECALL=no make wheels" >&2; exit 1; }
	@RUSTFLAGS="--remap-path-prefix=$(CURDIR)=. --remap-path-prefix=$${CARGO_HOME:-$$HOME/.cargo}=cargo" \
		$(bin)/maturin build --release --locked --quiet --manifest-path recall/Cargo.toml --out dist
	@$(bin)/maturin sdist --manifest-path recall/Cargo.toml --out dist

# The checksums come last: where they stand, all of it has passed.
release: ## Make dist/: the wheels and sources, the bill of materials, the audit, checksums (AUDIT=no: without the audit)
	@rm -rf dist
	@$(MAKE) --no-print-directory wheels sbom $(if $(filter no,$(AUDIT)),,audit)
	@cd dist && sha256sum *.whl *.tar.gz sbom.json requirements.txt > SHA256SUMS && cat SHA256SUMS
	$(if $(filter no,$(AUDIT)),@echo "release: NOT audited: AUDIT=no" >&2)

# Which digest a tag has today can be asked of its registry only, so it is an argument and not a line of a file.
image: ## Build the image on a base named by digest (PYTHON_IMAGE=python:3.13-slim@sha256:...; CONTAINER=podman)
	@echo '$(PYTHON_IMAGE)' | grep -Eqx '[a-z0-9./:_-]+@sha256:[0-9a-f]{64}' || { echo "image: name the base by digest," \
		"a tag can be moved: make image PYTHON_IMAGE=python:3.13-slim@sha256:..." >&2; exit 2; }
	@$(or $(CONTAINER),docker) build --build-arg PYTHON_IMAGE='$(PYTHON_IMAGE)' --tag market-mapping-worker .

schemas: setup ## Generate the schemas of the messages from their models, and the copies of the models in the client kit
	@$(bin)/python -m worker.lab.documents.kit_messages
	@$(bin)/marketmap schemas export $(ARGS)
	@$(bin)/python -m worker.lab.documents.kit_markets

docs: setup ## Build the documentation site in site/
	@$(bin)/mkdocs build --strict --quiet $(ARGS)
