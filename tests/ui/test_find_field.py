"""Keys of the field in which people write what to find: they come before the window's own."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.ui.find_field import FindField


@pytest.mark.parametrize(("key", "own"), [(Qt.Key.Key_Escape, True), (Qt.Key.Key_F3, True), (Qt.Key.Key_F8, False)])
def test_its_keys_are_not_left_to_shortcuts(qtbot: QtBot, key: Qt.Key, own: bool) -> None:
    field = FindField()
    qtbot.addWidget(field)
    event = QKeyEvent(QEvent.Type.ShortcutOverride, key, Qt.KeyboardModifier.NoModifier)
    event.ignore()
    QApplication.sendEvent(field, event)
    assert event.isAccepted() == own


def test_enter_steps_and_escape_leaves(qtbot: QtBot) -> None:
    field, seen = FindField(), list[object]()
    qtbot.addWidget(field)
    field.stepped.connect(seen.append)
    field.left.connect(lambda: seen.append("left"))
    QTest.keyClick(field, Qt.Key.Key_Return)
    QTest.keyClick(field, Qt.Key.Key_F3, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert seen == [1, -1, "left"]
