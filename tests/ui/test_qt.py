"""Guards against bad versions of Qt for Python."""

from __future__ import annotations

import subprocess
import sys

# PySide6 6.12.0 on Python 3.11 drops a reference to None or True on every call and aborts after some thousand calls.
PROGRAM = """
from PySide6.QtWidgets import QApplication, QWidget
application = QApplication([])
widget = QWidget()
for _ in range(20_000):
    widget.update()
    assert widget.isEnabled() is True
print("survived")
"""


def test_twenty_thousand_calls_survive() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stdout) == (0, "survived\n"), done.stderr
