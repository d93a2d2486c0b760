"""Renders the program's icon in the sizes that desktops ask for: `python packaging/icons.py FOLDER`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

SVG = Path(__file__).parents[1] / "resources/icons/lovelace.svg"
SIZES = (16, 22, 24, 32, 48, 64, 128, 256, 512)
"""Pixels; multiples of 16 fall on the drawing's grid."""


def render_icons(folder: Path) -> dict[int, Path]:
    """Write `SIZE.png` for every size into a folder; the files by size."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtGui import QGuiApplication, QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    application = QGuiApplication.instance() or QGuiApplication(["icons"])
    renderer = QSvgRenderer(str(SVG))
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for size in SIZES:
        image = QImage(size, size, QImage.Format.Format_ARGB32)
        image.fill(0)
        painter = QPainter(image)
        renderer.render(painter)
        painter.end()
        files[size] = folder / f"{size}.png"
        if not image.save(str(files[size])):
            raise OSError(f"The icon could not be written to {files[size]}.")
    del application
    return files


if __name__ == "__main__":
    render_icons(Path(sys.argv[1]))
