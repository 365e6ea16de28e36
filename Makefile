# Each of these does its own set-up: `make demo` is the first to try, `make test` the second.

PYTHON_IN := .venv/bin/python

.PHONY: help demo test check docs screenshots format fidelity torture soak bench indigo greengrass clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' Makefile

demo: ## a text and a call all the way to a Twilio simulator and back; stays up until Ctrl-C
	@scripts/setup
	@.venv/bin/callbox demo $(ARGS) || [ $$? -eq 130 ]

test: ## the tests; ARGS="tests/unit -k config" chooses
	@scripts/setup tests
	@$(PYTHON_IN) -m pytest $(or $(ARGS),-n auto --dist loadfile)

check: ## ruff, mypy and the import rules
	@scripts/setup
	@scripts/check

docs: ## write the generated parts of the documentation
	@scripts/setup
	@$(PYTHON_IN) scripts/state_diagram.py

screenshots: ## the pictures of the documentation, docs/images
	@scripts/setup tests
	@$(PYTHON_IN) scripts/screenshots.py

format: ## format the code
	@scripts/setup
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

fidelity: ## gateway and simulator against Twilio's own description and calculator; needs npm
	@scripts/setup tests
	@$(PYTHON_IN) scripts/fidelity.py $(ARGS)

torture: ## two thousand kills, seeded, about a quarter of an hour; ARGS="--seed 7" replays
	@scripts/setup tests
	@$(PYTHON_IN) scripts/torture.py $(ARGS)

soak: ## the same for a night
	@scripts/setup tests
	@$(PYTHON_IN) scripts/torture.py --kills 100000 $(ARGS)

bench: ## every figure the README promises
	@scripts/setup tests
	@$(PYTHON_IN) -m benchmarks $(ARGS)

indigo: ## the Indigo plugin, dist/Callbox.indigoPlugin.zip; ID=org.example.callbox renames it
	@scripts/setup
	@$(PYTHON_IN) scripts/indigo_bundle.py $(if $(ID),--id '$(ID)') $(ARGS)

greengrass: ## the Greengrass component, dist/greengrass; ARGS="--wheels aarch64" for offline devices
	@scripts/setup
	@$(PYTHON_IN) scripts/greengrass_component.py $(ARGS)

clean: ## remove what was made here
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	rm -rf indigo/Callbox.indigoPlugin/Contents/Packages greengrass/greengrass-build
