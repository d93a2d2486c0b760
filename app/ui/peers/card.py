"""A card: what something is called, what is to be known of it, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.ui.forms import Level, Prose, Question, Said
from app.ui.words import one_line

Part = TypeVar("Part", bound=QWidget)


class Card(QFrame):
    """title: text, or a field in which it is changed. name: for screen readers. mark: a word behind the title."""

    def __init__(self, title: str | QLineEdit, name: str, mark: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setAccessibleName(f"{name}, {mark}" if mark else name)
        self._name = name
        self.title = _title(title, self) if isinstance(title, str) else title
        self._upper = QHBoxLayout()
        self._upper.setSpacing(8)
        self._upper.addWidget(self.title, 0 if isinstance(title, str) else 1)
        if mark:
            self._upper.addWidget(_mark(mark, self))
        if isinstance(title, str):
            self._upper.addStretch()
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(14, 10, 10, 12)
        self.body.setSpacing(6)
        self.body.addLayout(self._upper)

    def add_line(self, text: str, level: Level = "muted") -> Prose:
        """A sentence below the title."""
        line = Prose(text, self)
        line.setProperty("role", level)
        self.body.addWidget(line)
        return line

    def add_button(self, word: str, action: Callable[[], object], name: str = "") -> QPushButton:
        """Something to do, at the right of the title. name: for screen readers."""
        button = QPushButton(word, self)
        button.setAccessibleName(name or f"{word.removesuffix('…')}: {self._name}")
        button.clicked.connect(lambda _checked: action())
        self._upper.addWidget(button)
        return button

    @cached_property
    def question(self) -> Question:
        """What is asked about it, below everything; made when it is first asked, as cards are many."""
        return self._add(Question(self))

    @cached_property
    def said(self) -> Said:
        """What came of something that was done about it."""
        return self._add(Said(self))

    def _add(self, part: Part) -> Part:
        self.body.addWidget(part)
        return part

    def is_busy(self) -> bool:
        """Whether the person is in the middle of something here."""
        return "question" in vars(self) and not self.question.isHidden()


def _title(text: str, parent: QWidget) -> QLabel:
    label = QLabel(one_line(text), parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setProperty("role", "title")
    return label


def _mark(text: str, parent: QWidget) -> QLabel:
    label = QLabel(text, parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setProperty("role", "done")
    return label
