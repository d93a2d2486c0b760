"""What settings and the first-run guide are built from: headings, fields with labels, sentences and questions in place.

Nothing here is modal. Every field has a label that is its buddy and gives it its accessible name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QBoxLayout,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.ui.theme import Themes, ui_font
from app.ui.words import in_words

Level = Literal["muted", "done", "failed"]
HEADING, LABEL_WIDTH, FIELD_WIDTH = 15.0, 150, 380
_FIRST_LINE = 8
"""Pixels above the first line of a field."""


class Heading(QLabel):
    """A line in larger letters, which follows the size of text."""

    def __init__(self, text: str, themes: Themes, size: float = HEADING, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._size = size
        self.setProperty("role", "title")
        self._resize()
        themes.changed.connect(self._resize)

    def _resize(self, _theme: object = None) -> None:
        font = ui_font(self._size)
        font.setWeight(font.Weight.DemiBold)
        self.setFont(font)


class Prose(QLabel):
    """Running text that wraps; muted."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setProperty("role", "muted")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)


class Said(Prose):
    """What has just come of something, in place; hidden while there is nothing to say."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.hide()

    def say(self, text: str, level: Level = "muted") -> None:
        """Show a sentence; '' hides it."""
        self.setText(text)
        self.setProperty("role", level)
        self.style().unpolish(self)
        self.style().polish(self)
        self.setVisible(bool(text))

    def fail(self, error: BaseException) -> None:
        """Show what went wrong."""
        self.say(in_words(error), "failed")


class Question(QFrame):
    """A yes-or-no question in place; Escape says no."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("question")
        self.text = Prose("", self)
        self.yes = QPushButton("Yes", self)
        self.no = QPushButton("Keep", self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.yes)
        layout.addWidget(self.no)
        self._action: Callable[[], object] | None = None
        self._before: QWidget | None = None
        self.yes.clicked.connect(self._agree)
        self.no.clicked.connect(self._decline)
        self.hide()

    def ask(self, text: str, yes: str, action: Callable[[], object], no: str = "Keep") -> None:
        """Ask; the action follows a yes. The keyboard goes to the answer that changes nothing."""
        self._action, self._before = action, QApplication.focusWidget()
        self.text.setText(text)
        self.yes.setText(yes)
        self.no.setText(no)
        self.setAccessibleName(text)
        self.show()
        self.no.setFocus()

    def _agree(self) -> None:
        action, self._action = self._action, None
        self.hide()
        if action is not None:
            action()

    def _decline(self) -> None:
        self._action = None
        self.hide()
        if self._before is not None:
            self._before.setFocus()

    def event(self, event: QEvent) -> bool:
        # Escape is also the window's shortcut for stopping an agent; while a question is open it is the answer.
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            event.setAccepted(event.key() == Qt.Key.Key_Escape)
            return event.isAccepted()
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._decline()
        else:
            super().keyPressEvent(event)


class Working(QWidget):
    """A bar with a word about what is being done and a button that stops it; hidden while nothing is."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bar = QProgressBar(self)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(name)
        self.word = Prose("", self)
        self.stop = QPushButton("Stop", self)
        self.stop.setAccessibleName(f"Stop: {name}")
        upper = QHBoxLayout()
        upper.addWidget(self.word, 1)
        upper.addWidget(self.stop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(upper)
        layout.addWidget(self.bar)
        self.hide()

    def begin(self, word: str) -> None:
        """Nothing is done yet."""
        self.word.setText(word)
        self.bar.setRange(0, 0)
        self.stop.setEnabled(True)
        self.show()

    def show_progress(self, done: int, total: int) -> None:
        """So much is done; total 0: nobody knows of how much."""
        self.bar.setRange(0, 1000 if total else 0)
        if total:
            self.bar.setValue(min(1000, done * 1000 // total))


def labelled(text: str, control: QWidget, hint: str = "") -> QWidget:
    """A control beside its label, with a hint below it. The label's text is the control's accessible name."""
    row = QWidget()
    label = QLabel(text, row)
    label.setBuddy(control)
    label.setFixedWidth(LABEL_WIDTH)
    label.setWordWrap(True)
    control.setAccessibleName(text.replace("&", ""))
    if isinstance(control, QComboBox):  # a long choice must not make the page wider than the window
        control.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    if hint:
        control.setAccessibleDescription(hint)
    field = QWidget(row)
    field.setMaximumWidth(FIELD_WIDTH)
    column = QVBoxLayout(field)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(4)
    column.addWidget(control)
    if hint:
        column.addWidget(Prose(hint))
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(12)
    layout.addWidget(label, 0, Qt.AlignmentFlag.AlignTop)
    layout.addWidget(field, 100)
    layout.addStretch(1)
    several = isinstance(control, QPlainTextEdit)  # beside several lines the label stands at the first
    label.setContentsMargins(0, _FIRST_LINE if several else 0, 0, 0)
    label.setMinimumHeight(0 if several else control.sizeHint().height())
    return row


def side_by_side(*widgets: QWidget) -> QHBoxLayout:
    """Widgets in a line from the left."""
    line = QHBoxLayout()
    line.setSpacing(8)
    for widget in widgets:
        line.addWidget(widget)
    line.addStretch()
    return line


def rule() -> QFrame:
    """A thin line between parts."""
    line = QFrame()
    line.setObjectName("rule")
    line.setFixedHeight(1)
    return line


def refill(layout: QBoxLayout, cards: Sequence[QWidget]) -> None:
    """Put other cards into a layout. The keyboard stays at what has the same name, or goes to the first card."""
    focus, inside = QApplication.focusWidget(), range(layout.count())
    old = [item.widget() for index in inside if (item := layout.itemAt(index)) is not None]
    had = focus is not None and any(widget is not None and widget.isAncestorOf(focus) for widget in old)
    name = focus.accessibleName() if focus is not None else ""
    clear(layout)
    for card in cards:
        layout.addWidget(card)
    if had:
        controls = [child for card in cards for child in card.findChildren(QPushButton) if not child.isHidden()]
        same = [control for control in controls if control.accessibleName() == name]
        for control in (same or controls)[:1]:
            control.setFocus()


def clear(layout: QBoxLayout) -> None:
    """Take everything out of a layout and let it go."""
    while layout.count():
        item = layout.takeAt(0)
        widget = item.widget() if item is not None else None
        if widget is not None:
            widget.hide()
            widget.deleteLater()
