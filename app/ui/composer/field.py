"""The field in which a prompt is written: it grows with its text, sends, recalls, takes files, and completes words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QMimeData, QSize, Qt, QUrl, Signal
from PySide6.QtGui import QImage, QKeyEvent, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QSizePolicy, QWidget

from app.ui.dragging import SESSION_MIME, dragged_sessions

MOST_LINES = 9
FIELD_PADDING = 5
"""Pixels of padding and border that the style sheet puts around the text."""
_SEND_KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_WORD = re.compile(r"(?:^|\s)(@[^\s@]*)$|^(/[^\s/]*)$")


@dataclass(frozen=True, slots=True)
class OpenWord:
    """The word before the caret that can be completed: with its sign, and how long it is."""

    text: str

    @property
    def sign(self) -> str:
        """What the word begins with: @ or /."""
        return self.text[0]

    @property
    def wanted(self) -> str:
        """What was typed after the sign."""
        return self.text[1:]


def open_word(before: str) -> OpenWord | None:
    """The word at the end of the text before the caret, if it begins with @, or is a / at the beginning of all."""
    found = _WORD.search(before)
    return None if found is None else OpenWord(found[1] or found[2])


class PromptField(QPlainTextEdit):
    """Enter and Ctrl+Enter send; Shift+Enter and Alt+Enter begin a line. Pasted text loses its formatting.

    sent: send what is there. recalled: -1 an earlier prompt is wanted, 1 a later one. word_changed: the `OpenWord`
    before the caret, or None. completion_key: a key for the open list of completions, which may take it
    (`takes_completion_keys`). dropped_files: paths. dropped_image: a picture from the clipboard.
    """

    sent = Signal()
    recalled = Signal(int)
    word_changed = Signal(object)
    completion_key = Signal(int)
    dropped_files = Signal(list)
    dropped_image = Signal(QImage)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.takes_completion_keys = False
        self.setObjectName("prompt")
        self.setAccessibleName("Message")
        self.setTabChangesFocus(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.document().documentLayout().documentSizeChanged.connect(self._fit)
        self.cursorPositionChanged.connect(self._tell_word)
        self.textChanged.connect(self._tell_word)
        self._fit()

    def complete(self, word: OpenWord, text: str) -> None:
        """Put a text in place of the word before the caret."""
        cursor = self.textCursor()
        cursor.movePosition(QTextCursor.MoveOperation.Left, QTextCursor.MoveMode.KeepAnchor, len(word.text))
        cursor.insertText(text)

    def put(self, text: str) -> None:
        """Show a text in place of what is there, the caret at its end. It can be undone."""
        cursor = self.textCursor()
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(text)
        self.moveCursor(QTextCursor.MoveOperation.End)

    def insert_references(self, sessions: Sequence[str]) -> None:
        """Refer to sessions, by their ids, at the caret."""
        before = self.toPlainText()[: self.textCursor().position()]
        space = "" if not before or before[-1].isspace() else " "
        self.insertPlainText(space + "".join(f"@{session} " for session in sessions))
        self.setFocus()

    def _tell_word(self) -> None:
        before = self.textCursor().block().text()[: self.textCursor().positionInBlock()]
        at_beginning = self.textCursor().blockNumber() == 0
        word = open_word(before)
        self.word_changed.emit(None if word is not None and word.sign == "/" and not at_beginning else word)

    def _fit(self) -> None:
        # The document's size counts lines, not pixels.
        lines = max(1, round(self.document().size().height()))
        shown = min(MOST_LINES, lines)
        around = 2 * (round(self.document().documentMargin()) + FIELD_PADDING)
        self.setFixedHeight(shown * self.fontMetrics().lineSpacing() + around)
        policy = Qt.ScrollBarPolicy
        self.setVerticalScrollBarPolicy(policy.ScrollBarAsNeeded if lines > MOST_LINES else policy.ScrollBarAlwaysOff)

    # Keys

    def event(self, event: QEvent) -> bool:
        # Escape is also a shortcut of the window; while words are offered it only ends that.
        override = event if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride else None
        if override is not None and self.takes_completion_keys and override.key() == Qt.Key.Key_Escape:
            event.accept()
            return True
        return super().event(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        return not self.takes_completion_keys and super().focusNextPrevChild(forward)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        newline = event.modifiers() & (Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.AltModifier)
        if self.takes_completion_keys and event.key() in _COMPLETION_KEYS and not newline:
            self.completion_key.emit(event.key())
        elif event.key() in _SEND_KEYS and not newline:
            self.sent.emit()
        elif event.key() in _SEND_KEYS:
            self.insertPlainText("\n")
            self.ensureCursorVisible()
        elif (direction := self._recalls(event)) != 0:
            self.recalled.emit(direction)
        else:
            super().keyPressEvent(event)

    def _recalls(self, event: QKeyEvent) -> int:
        """Whether an arrow leaves the text: -1 at its top, 1 at its bottom, else 0."""
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return 0
        cursor = QTextCursor(self.textCursor())
        if event.key() == Qt.Key.Key_Up and not cursor.movePosition(QTextCursor.MoveOperation.Up):
            return -1
        if event.key() == Qt.Key.Key_Down and not cursor.movePosition(QTextCursor.MoveOperation.Down):
            return 1
        return 0

    # What is dropped and pasted

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        return source.hasUrls() or source.hasImage() or source.hasText() or source.hasFormat(SESSION_MIME)

    def insertFromMimeData(self, source: QMimeData) -> None:
        files = [url.toLocalFile() for url in source.urls() if QUrl.isLocalFile(url)]
        if source.hasFormat(SESSION_MIME):
            self.insert_references(dragged_sessions(source))
        elif files:
            self.dropped_files.emit(files)
        elif source.hasImage() and not source.hasText():
            self.dropped_image.emit(QImage(source.imageData()))
        else:
            self.insertPlainText(source.text())

    def sizeHint(self) -> QSize:
        return QSize(300, self.height())


_COMPLETION_KEYS = (
    Qt.Key.Key_Up,
    Qt.Key.Key_Down,
    Qt.Key.Key_Tab,
    Qt.Key.Key_Return,
    Qt.Key.Key_Enter,
    Qt.Key.Key_Escape,
)
