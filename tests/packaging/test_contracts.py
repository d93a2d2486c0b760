"""The import contracts catch what they are there for: a copy of the source with a forbidden import breaks."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for package in ("app", "sync"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("sync/stray.py", "", "Layers of the engine"),
        ("sync/documents/stray.py", "import sync.testing", "Layers of the engine"),
        ("sync/documents/stray.py", "from threading import Lock", "pure parts of the engine"),
        ("sync/membership/stray.py", "import time", "pure parts of the engine"),
        ("sync/identity/stray.py", "import app.errors", "knows nothing of the application"),
        ("app/sessions/stray.py", "import PySide6.QtCore", "Qt only in app.ui"),
        ("app/sessions/stray.py", "import app.agents", "Layers of the application"),
        ("app/agents/stray.py", "def late(): import app.cli", "Layers of the application"),
    ],
)
def test_a_forbidden_import_is_found(copy: Path, module: str, line: str, contract: str) -> None:
    (copy / module).write_text(f'"""A module that should not be."""\n{line}\n')
    broken = [text for text in lint(copy) if " BROKEN" in text]
    assert any(contract in text for text in broken), broken


def test_a_panel_may_not_use_its_sibling(copy: Path) -> None:
    panels = copy / "app/ui/panels"
    panels.mkdir(parents=True, exist_ok=True)
    for package in (panels, panels.parent):
        (package / "__init__.py").touch()
    (panels / "first.py").write_text('"""First."""\nfrom app.ui.panels import second\n')
    (panels / "second.py").write_text('"""Second."""\n')
    assert "Panels ignore their siblings BROKEN" in lint(copy)


def lint(folder: Path) -> list[str]:
    program = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([program, "--no-cache"], cwd=folder, capture_output=True, text=True, timeout=100)
    assert "Contracts:" in result.stdout, result.stdout + result.stderr
    return result.stdout.splitlines()
