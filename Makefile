# A fresh machine needs Python 3.11 or newer with pip, and make. `make` lists what there is to do.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo test lint bench specs clean
.DEFAULT_GOAL := help

help:
	@echo "make demo   learn from real chorales, check real, edited and random music (first time about 3 minutes)"
	@echo "make test   lint, types and tests"
	@echo "make bench  the figures in the README"
	@echo "make specs  learn the specs in specs/ again"

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: .venv/ready
	@echo "--- 1. Learn a spec from real chorales: verify learn bach -o build/bach.yaml"
	@mkdir -p build
	@$(BIN)/verify learn bach -o build/bach.yaml
	@echo
	@echo "--- 2. Check chorales it has not seen, the same with one note moved or their chords shuffled, and noise:"
	@echo "---    verify --spec build/bach.yaml bach:hold-out bach:one-note bach:shuffled-chords bach:bernoulli"
	@$(BIN)/verify --spec build/bach.yaml bach:hold-out bach:one-note bach:shuffled-chords bach:bernoulli \
		-o build/run.json -o build/samples.parquet || test $$? -eq 1
	@echo
	@echo "--- 3. Where the worst of them breaks it: verify explain build/bach.yaml bach:one-note -o build/explain.png"
	@$(BIN)/verify explain build/bach.yaml bach:one-note --limit 1 -o build/explain.png || test $$? -eq 1

test: .venv/ready lint
	$(BIN)/python -m pytest --numprocesses 2

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

specs: .venv/ready
	$(BIN)/verify learn bach -o specs/bach.yaml
	$(BIN)/verify learn bach -o specs/bach-tequilagan.yaml --name bach-tequilagan --limit 1000 \
		--view steps-per-quarter=14.4 --view lowest-pitch=27 --view remainder=drop \
		--rule chroma-transitions --rule durations --rule duration-distribution \
		--rule intensity-modes --rule intensity-distribution \
		--set chroma-transitions.per=step --set chroma-transitions.invariance=none --set durations.cut-runs=count

bench: .venv/ready
	for name in paper false_alarms calibration hard_negatives repeats gate power midi counting; do \
		echo "--- benchmarks/$$name.py"; $(BIN)/python benchmarks/$$name.py || exit 1; done

clean:
	rm -rf .venv build
