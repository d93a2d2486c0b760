"""What continuous integration runs, with a stand-in for make."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("failing", "code"), [("", 0), ("test", 1), ("test-external", 1), ("check", 1)])
def test_every_step_runs_and_any_failure_counts(tmp_path: Path, failing: str, code: int) -> None:
    make = tmp_path / "make"
    make.write_text(f'#!/bin/sh\necho "made $2"\n[ "$2" != "{failing}" ]\n')
    make.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    result = subprocess.run([ROOT / ".ci/run"], env=environment, capture_output=True, text=True, timeout=60)
    assert result.returncode == code
    made = [line for line in result.stdout.splitlines() if line.startswith("made")]
    assert made == ["made test", "made test-external", "made check"]
