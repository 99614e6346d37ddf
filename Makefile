# make demo   the light core in .venv-demo, a take of the sample recording, and a page on which a head speaks it
# make quick  the tests that start no process, load no torch and take no seconds; under a minute
# make test   lint, types, all tests, and the proof that the light core needs no torch
# make docs   docs/cli.md, from the program's own help, and the forms in docs/unreal.md
# make pictures  docs/face.webp and the sheet that a test compares, after a change of the head, its look or the model
# make wheels the two wheels of a release, into dist/, of what is committed
# make clean  away with all that these made
# They make their own virtual environments; stamp files make a second run quick.

PYTHON ?= python3
# How many files of tests run at a time: "logical" is one for each core. Some take gigabytes, so there are never over 4.
JOBS ?= logical
PIP = -m pip --disable-pip-version-check
export PIP_NO_INPUT = 1

SOURCES := setup.py pyproject.toml README.md $(shell find python assets training unreal_plugin -type f -not -name '*.pyc' -not -path '*.egg-info/*')

.PHONY: demo quick test packages lint light docs pictures wheels clean
.DELETE_ON_ERROR:
# Two builds at once would share the folder build/.
.NOTPARALLEL:

demo: .venv-demo/installed
	mkdir -p demo
	.venv-demo/bin/medtalk generate assets/audio/sample.wav --transcript assets/audio/sample.txt --emotion happy -o demo/sample.npz
	.venv-demo/bin/medtalk sheet demo/sample.npz -o demo/sample.png
	.venv-demo/bin/medtalk preview demo/sample.npz --audio assets/audio/sample.wav -o demo/sample.html

quick: .venv/installed
	.venv/bin/python -m pytest -m "not process and not torch and not unreal and not slow"

# A file stays in one process, as its tests share what is slow to make. The processes share the cores, so that torch
# takes one in each.
test: packages lint light
	OMP_NUM_THREADS=1 .venv/bin/python -m pytest -n $(JOBS) --maxprocesses 4 --dist loadfile --no-loadscope-reorder --max-worker-restart 0 --timeout 600 --durations 25

# The speech engines of the training corpus, where they may be installed; pytest names the tests that lack them.
packages:
	.ci/packages

# Pyright needs 4.7 GB. With less it empties its cache half way, is slower, and may report errors that do not exist.
lint: export NODE_OPTIONS = --max-old-space-size=8192
lint: .venv/installed
	.venv/bin/ruff check
	.venv/bin/python -m tests.plugin.typings
	.venv/bin/pyright --pythonpath .venv/bin/python
	.venv/bin/pyright --pythonpath .venv/bin/python --pythonplatform Windows python/medtalk unreal_plugin

light: .venv-light/installed
	.venv-light/bin/python -c "import importlib.util as u, sys; sys.exit('torch is in the light core' if u.find_spec('torch') else 0)"
	.venv-light/bin/python -m pytest tests/repository/test_core_without_torch.py tests/cli/test_plugin_install.py

# The developer's environment: editable, with all that the tests need.
.venv/installed: setup.py pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	.venv/bin/python $(PIP) install --quiet -c constraints.txt -e '.[full,train,report,picture,studio,live,metrics,batch,peers,dev]'
	touch $@

# The user's environments: a plain install of the light core, from nothing but what a release would hold.
.venv-demo/installed: $(SOURCES)
	test -x .venv-demo/bin/python || $(PYTHON) -m venv .venv-demo
	rm -rf build
	.venv-demo/bin/python $(PIP) install --quiet '.[report]'
	touch $@

.venv-light/installed: $(SOURCES)
	test -x .venv-light/bin/python || $(PYTHON) -m venv .venv-light
	rm -rf build
	.venv-light/bin/python $(PIP) install --quiet . pytest
	touch $@

docs: .venv/installed
	.venv/bin/python -m docs.make_cli
	.venv/bin/python -m docs.make_unreal

pictures: .venv/installed
	.venv/bin/python -m docs.make_pictures
	.venv/bin/python -m tests.helpers.seven_emotions

# medtalk, and medtalk-weights, which its extras bring: see setup.py, and for MEDTALK_URL too.
wheels:
	test -x .venv-wheels/bin/python || $(PYTHON) -m venv .venv-wheels
	rm -rf build dist
	set -e; for part in lean weights; do \
	    mkdir -p build/$$part; \
	    git archive HEAD | tar -x -C build/$$part; \
	    MEDTALK_PART=$$part .venv-wheels/bin/python $(PIP) wheel --quiet --no-deps --wheel-dir dist build/$$part; \
	done

clean:
	rm -rf .venv .venv-demo .venv-light .venv-wheels demo build dist
