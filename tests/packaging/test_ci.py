"""What continuous integration runs, in a checkout with small tests of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = """
test test-external:
\t@echo made $@
\t@[ ! -e $@.py ] || .venv/bin/python -m pytest --import-mode=importlib $@.py
check:
\t@echo made check
\t@[ ! -e unclean ]
"""
PASSES = "def test_passes(): pass\n"
FAILS = "def test_fails(): raise AssertionError\n"
FAILS_ONCE = """
from pathlib import Path
import pytest

@pytest.mark.parametrize("word", ["two words", '"quoted" [\\'x\\']'])
def test_once(word):
    seen = Path(__file__).with_name("seen " + word[:3].strip('"'))
    if not seen.exists():
        seen.touch()
        raise AssertionError
"""


class Checkout:
    """Has the script, a Makefile with its targets, and a file of tests for those that a test plants."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / ".ci", folder / ".ci")
        (folder / "Makefile").write_text(MAKEFILE)
        (folder / "pytest.ini").write_text("[pytest]\npython_files = *.py\n")
        (folder / ".venv").symlink_to(sys.prefix)

    def plant(self, target: str, *tests: str) -> None:
        (self.folder / f"{target}.py").write_text("".join(tests))

    def run(self) -> tuple[int, list[str]]:
        """Exit code, and what stands below the last step."""
        outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        environment = outside | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        command = [self.folder / ".ci/run"]
        result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=100)
        made = [line for line in result.stdout.splitlines() if line.startswith("made")]
        assert made == ["made test", "made test-external", "made check"], result.stdout
        return result.returncode, result.stdout.partition("made check\n")[2].splitlines()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_nothing_is_said_where_all_is_well(checkout: Checkout) -> None:
    checkout.plant("test", PASSES)
    assert checkout.run() == (0, [])


def test_a_failing_check_counts(checkout: Checkout) -> None:
    (checkout.folder / "unclean").touch()
    code, said = checkout.run()
    assert (code, said[-1]) == (1, "Failed: check")


@pytest.mark.parametrize("target", ["test", "test-external"])
def test_what_passes_alone_is_named_and_fails_nothing(checkout: Checkout, target: str) -> None:
    checkout.plant(target, PASSES, FAILS_ONCE)
    code, said = checkout.run()
    assert code == 0
    assert sorted(said) == [
        f"Unsteady: {target}.py::test_once[\"quoted\" ['x']] failed at first and passed alone",
        f"Unsteady: {target}.py::test_once[two words] failed at first and passed alone",
    ]


def test_one_that_goes_on_failing_counts_beside_one_that_passes_alone(checkout: Checkout) -> None:
    checkout.plant("test", FAILS_ONCE, FAILS)
    code, said = checkout.run()
    assert (code, said[0], len(said)) == (1, "Failed: test", 3)
    assert all(line.startswith("Unsteady: test.py::test_once[") for line in said[1:])


@pytest.mark.parametrize(
    "broken",
    [
        "raise ImportError\n",
        "import os\ndef test_killed(): os._exit(1)\n",
        "import pytest\ndef test_left(): pytest.exit('enough')\n",
    ],
)
def test_tests_that_did_not_run_to_their_end_count(checkout: Checkout, broken: str) -> None:
    checkout.plant("test", FAILS_ONCE, broken)
    assert checkout.run() == (1, ["Failed: test"])


def test_many_failures_are_no_accident(checkout: Checkout) -> None:
    once = "from pathlib import Path\nimport pytest\nseen = Path('seen')\nfirst = not seen.exists()\nseen.touch()\n"
    checkout.plant("test", once, "@pytest.mark.parametrize('n', range(21))\ndef test_many(n): assert not first\n")
    assert checkout.run() == (1, ["Failed: test"])
