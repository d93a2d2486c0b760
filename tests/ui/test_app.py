"""The window as an application: what ends it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HOME = """
import os, signal, sys
from pathlib import Path
from PySide6.QtCore import QTimer
from app.ui import app
from app.ui.first_run.guide import FirstRun
from app.ui.instance import SingleInstance
from tests.helpers.homes import open_home
home = Path(sys.argv[1])
workspace = open_home(home)

def end():
    os.kill(os.getpid(), signal.SIGTERM)
"""
BEFORE_THE_LOOP = """
greet = app.greet
app.greet = lambda desk, areas: (greet(desk, areas), end())
"""
IN_THE_GUIDE = """
greet = app.greet
app.greet = lambda desk, areas: QTimer.singleShot(200, greet(desk, areas), end)
"""
RUN = """
code = app._show(app._application(), workspace, SingleInstance(home), None)
workspace.close()
print("ended", code, FirstRun.__name__)
"""


@pytest.mark.parametrize("when", [BEFORE_THE_LOOP, IN_THE_GUIDE], ids=["before the loop turns", "while it turns"])
def test_a_signal_ends_the_window_of_a_new_home(when: str, tmp_path: Path) -> None:
    words = [sys.executable, "-c", HOME + when + RUN, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=40, check=False)
    assert done.stdout.startswith("ended 0"), done.stderr
