"""Draws every panel and page in light and dark, at the scale of QT_SCALE_FACTOR."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.pictures.studio import Studio

SCALES = ("1", "2")


def draw_all(folder: Path) -> None:
    """All pictures at all scales, each scale in a process of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        for scale in SCALES:
            environment = {**os.environ, "QT_SCALE_FACTOR": scale, "QT_QPA_PLATFORM": "offscreen", "HOME": home}
            command = [sys.executable, "-m", "tests.pictures", str(folder), scale]
            subprocess.run(command, env=environment, stderr=subprocess.DEVNULL, check=True)


def draw(folder: Path, scale: str) -> None:
    """All pictures at one scale."""
    from PySide6.QtWidgets import QApplication

    from tests.pictures.studio import Newcomer, Studio

    application = QApplication.instance() or QApplication(["lovelace"])
    assert isinstance(application, QApplication)
    for kind in (Studio, Newcomer):
        with tempfile.TemporaryDirectory() as home:
            studio = kind(application, Path(home))
            try:
                _draw(studio, folder, scale)
            finally:
                studio.close()


def _draw(studio: Studio, folder: Path, scale: str) -> None:
    for theme in ("light", "dark"):
        studio.choose(theme)
        for name, show in studio.scenes().items():
            show()
            studio.settle()
            path = folder / f"{name}-{theme}-{scale}x.png"
            if not studio.window.grab().save(str(path)):
                raise OSError(f"{path} cannot be written")
            print(path)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        draw(Path(sys.argv[1]), sys.argv[2])
    else:
        draw_all(Path(sys.argv[1]))
