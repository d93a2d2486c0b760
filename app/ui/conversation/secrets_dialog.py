"""The secrets that were kept out of a session: which there are, and what they are for those who ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QDialog,
    QListWidget,
    QPlainTextEdit,
    QPushButton,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app.ui.bridge import while_alive
from app.ui.conversation.copying import put_on_clipboard
from app.ui.desk import Desk
from app.ui.forms import Heading, Prose, Said, side_by_side
from app.ui.item_list import paint_ground
from app.ui.painted_list import Index
from app.ui.theme import color, mono_font

if TYPE_CHECKING:
    from app.sessions.views import SecretRow

WIDTH, HEIGHT = 520, 480
HIDDEN = "••••••••••••"
_GAP = ", "
_ABOUT = (
    "They were found when they were captured. What is stored, searched, exported and shared has the placeholders; the "
    "secrets themselves are sealed on this device and leave it with backups only."
)
_NONE = "This device kept no secret out of this session. What another device kept out is there."


class _Items(QStyledItemDelegate):
    """A secret in a line: its placeholder, and what it is."""

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk = desk

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(0, option.fontMetrics.height() + 14)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        painter.save()
        theme = self._desk.themes.theme
        box = paint_ground(painter, option, theme).adjusted(10, 0, -10, 0)
        painter.setFont(option.font)
        name, kind = index.data().split(_GAP)
        for text, token, side in (
            (name, theme.text, Qt.AlignmentFlag.AlignLeft),
            (kind, theme.muted, Qt.AlignmentFlag.AlignRight),
        ):
            painter.setPen(color(token))
            painter.drawText(box, int(side | Qt.AlignmentFlag.AlignVCenter), text)
        painter.restore()


class SecretsDialog(QDialog):
    """For one session. number: the one that is looked at first. changed: is called when one turned out to be none."""

    def __init__(
        self,
        desk: Desk,
        session: str,
        number: int | None = None,
        *,
        changed: Callable[[], object] = lambda: None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._desk, self._session, self._wanted, self._changed = desk, session, number, changed
        self._rows: Sequence[SecretRow] = ()
        self._value: str | None = None
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Secrets kept out")
        self.resize(WIDTH, HEIGHT)
        self.list = QListWidget(self)
        self.list.setAccessibleName("Secrets kept out of this session")
        self.list.setItemDelegate(_Items(desk, self.list))
        self.list.setMouseTracking(True)
        self.field = QPlainTextEdit(self)
        self.field.setReadOnly(True)
        self.field.setAccessibleName("Secret")
        self.field.setFont(mono_font())
        self.field.setFixedHeight(80)
        self.field.setProperty("role", "field")
        self.reveal, self.copy = QPushButton("&Reveal", self), QPushButton("&Copy", self)
        self.harmless, self.close_button = QPushButton("&Not a Secret", self), QPushButton("Close", self)
        self.harmless.setToolTip("Show it again, and keep this value in whatever the workspace captures from now on")
        self.said = Said(self)
        self._arrange()
        self.list.currentRowChanged.connect(lambda _row: self._hide())
        self.reveal.clicked.connect(lambda _checked: self._tell(self._show))
        self.copy.clicked.connect(lambda _checked: self._tell(self._copy))
        self.harmless.clicked.connect(lambda _checked: self._set_harmless())
        self.close_button.clicked.connect(self.close)
        self._hide()
        self.look()

    def _arrange(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 16)
        layout.setSpacing(12)
        buttons = side_by_side(self.reveal, self.copy, self.harmless)
        buttons.addWidget(self.close_button)
        for part in (Heading("Secrets kept out", self._desk.themes), Prose(_ABOUT), self.list, self.field, self.said):
            layout.addWidget(part)
        layout.addLayout(buttons)

    def look(self) -> None:
        """Read which there are."""
        session = self._session
        self._desk.read(lambda queries: queries.secrets(session), while_alive(self, self._list))

    @property
    def number(self) -> int | None:
        """The secret that is chosen."""
        row = self.list.currentRow()
        return self._rows[row].number if 0 <= row < len(self._rows) else None

    def _list(self, rows: Sequence[SecretRow]) -> None:
        self._rows = rows
        self.list.clear()
        self.list.addItems([f"‹secret {row.number}›{_GAP}{row.kind}" for row in rows])
        numbers = [row.number for row in rows]
        missing = self._wanted is not None and self._wanted not in numbers
        self.list.setCurrentRow(numbers.index(self._wanted) if self._wanted in numbers else -1 if missing else 0)
        self.list.setFocus()
        if missing:
            self.said.say(f"Secret {self._wanted} is not on this device, but where it was captured.")
        elif not rows:
            self.said.say(_NONE)
        self._hide()

    def _hide(self) -> None:
        chosen = self.number is not None
        self._value = None
        self.field.setPlainText(HIDDEN if chosen else "")
        for button in (self.reveal, self.copy, self.harmless):
            button.setEnabled(chosen)

    def _tell(self, then: Callable[[str], object]) -> None:
        session, number = self._session, self.number
        if number is None:
            return

        def take(value: str | None) -> None:
            if value is None:
                self.said.say("It is not on this device any more.", "failed")
            elif number == self.number:
                then(value)

        self._desk.read(lambda queries: queries.secret(session, number), while_alive(self, take))

    def _show(self, value: str) -> None:
        self.field.setPlainText(value)
        self.reveal.setEnabled(False)
        self.said.say("")

    def _copy(self, value: str) -> None:
        put_on_clipboard(value)
        self.said.say("Copied.", "done")

    def _set_harmless(self) -> None:
        session, number = self._session, self.number
        if number is None:
            return

        def done(_nothing: None) -> None:
            self._wanted = None
            self.said.say(f"Secret {number} counts as none from now on, in this workspace and on this device.", "done")
            self.look()
            self._changed()

        self._desk.write(
            lambda operations: operations.set_harmless(session, number), while_alive(self, done), self.said.fail
        )


def show_secrets(
    desk: Desk, session: str, number: int | None, changed: Callable[[], object], parent: QWidget
) -> SecretsDialog:
    """Show them beside the window."""
    dialog = SecretsDialog(desk, session, number, changed=changed, parent=parent)
    dialog.show()
    return dialog
