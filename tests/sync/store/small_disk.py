"""Programs that run with a small disk of their own, in a mount namespace that only root can make."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def on_small_disk(folder: Path, program: str, kilobytes: int = 4096) -> str:
    """What a Python program prints that sees a file system of this size at `folder`; skips where that cannot be had."""
    mount = f'mount -t tmpfs -o size={kilobytes}k tmpfs {folder} || exit 77; exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", mount, "sh", sys.executable, "-c", textwrap.dedent(program)]
    try:
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    except FileNotFoundError:
        pytest.skip("unshare is not on this computer")
    if run.returncode == 77 or "unshare failed" in run.stderr:
        pytest.skip("mount namespaces are not allowed here")
    assert run.returncode == 0, run.stderr
    return run.stdout
