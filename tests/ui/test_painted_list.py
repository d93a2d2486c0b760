"""Scrolling while the pressed pointer is above or below an area."""

from __future__ import annotations

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QPlainTextEdit
from pytestqt.qtbot import QtBot

from app.ui.painted_list import DragScroll


def test_it_scrolls_while_the_pointer_is_beyond_and_tells_the_nearest_point(qtbot: QtBot) -> None:
    area = QPlainTextEdit("\n".join("x" * 3 for _ in range(1000)))
    qtbot.addWidget(area)
    area.resize(200, 200)
    area.show()
    bar, seen, height = area.verticalScrollBar(), list[QPoint](), area.viewport().height()
    scroll = DragScroll(area, lambda: 5, seen.append)
    scroll.follow(QPoint(7, height + 30))
    qtbot.waitUntil(lambda: bar.value() >= 15)
    assert seen[-1] == QPoint(7, height - 1)
    scroll.follow(QPoint(7, -1))
    qtbot.waitUntil(lambda: bar.value() == 0)
    assert seen[-1] == QPoint(7, 0)
    scroll.follow(QPoint(7, height + 1))
    scroll.follow(QPoint(7, 10))
    scroll.follow(QPoint(7, height + 1))
    scroll.stop()
    seen.clear()
    qtbot.wait(100)
    assert bar.value() == 0 and seen == []
