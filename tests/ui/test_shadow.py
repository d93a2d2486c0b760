"""The shadow of what lies over the window."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor, QPaintEvent
from PySide6.QtWidgets import QFrame, QWidget
from pytestqt.qtbot import QtBot

from app.ui.shadow import REACH, Shadow


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    window = QWidget()
    window.setStyleSheet("background: white")
    qtbot.addWidget(window)
    window.resize(400, 300)
    window.show()
    return window


def test_it_is_where_its_widget_is_and_darkest_beside_it(window: QWidget) -> None:
    card = QFrame(window)
    shadow = Shadow(card)
    card.setGeometry(100, 100, 200, 80)
    assert not shadow.isVisible()
    card.show()
    shadow.follow()
    assert shadow.isVisible()
    image = window.grab().toImage()
    inks = [QColor(image.pixel(200, 180 + below)).lightness() for below in range(REACH)]
    assert inks == sorted(inks) and inks[0] < inks[-1] <= 255
    assert QColor(image.pixel(20, 20)).lightness() == 255
    card.hide()
    shadow.follow()
    assert not shadow.isVisible()


def test_a_change_inside_its_widget_costs_it_nothing(window: QWidget, monkeypatch: pytest.MonkeyPatch) -> None:
    card = QFrame(window)
    shadow = Shadow(card)
    card.setGeometry(100, 100, 200, 80)
    monkeypatch.setattr("app.ui.shadow.QPainter", None)
    shadow.resize(248, 134)
    shadow.paintEvent(QPaintEvent(card.rect().translated(REACH, REACH).adjusted(4, 4, -4, -4)))
