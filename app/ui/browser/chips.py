"""The filters in force as small buttons that take them away."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtWidgets import QLayout, QLayoutItem, QSizePolicy, QToolButton, QWidget

from app.ui.browser.narrowing import Narrowing

LONGEST = 28


class FlowLayout(QLayout):
    """Widgets in lines, as words in a text."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self.setSpacing(4)

    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._flow(QRect(0, 0, width, 0), place=False)

    def sizeHint(self) -> QSize:
        return self.minimumSize()

    def minimumSize(self) -> QSize:
        size = QSize(0, 0)
        for item in self._items:
            size = size.expandedTo(item.minimumSize())
        margins = self.contentsMargins()
        return size + QSize(margins.left() + margins.right(), margins.top() + margins.bottom())

    def setGeometry(self, rect: QRect) -> None:
        super().setGeometry(rect)
        self._flow(rect, place=True)

    def _flow(self, rect: QRect, *, place: bool) -> int:
        inner = rect.marginsRemoved(self.contentsMargins())
        x, y, line = inner.x(), inner.y(), 0
        for item in self._items:
            size = item.sizeHint().boundedTo(QSize(max(inner.width(), 1), 1 << 16))
            if x > inner.x() and x + size.width() > inner.right() + 1:
                x, y, line = inner.x(), y + line + self.spacing(), 0
            if place:
                item.setGeometry(QRect(QPoint(x, y), size))
            x, line = x + size.width() + self.spacing(), max(line, size.height())
        return y + line + self.contentsMargins().bottom() - rect.y()


class Chips(QWidget):
    """Hidden while nothing is narrowed. changed: the narrowing that is left."""

    changed = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._flow = FlowLayout(self)
        self._flow.setContentsMargins(12, 0, 12, 6)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.buttons: Sequence[QToolButton] = ()
        self.hide()

    def show_narrowing(self, narrowing: Narrowing) -> None:
        """Show what holds now."""
        for button in self.buttons:
            self._flow.removeWidget(button)
            button.hide()
            button.deleteLater()
        chips = narrowing.chips()
        self.buttons = [self._chip(text, left) for text, left in chips]
        if chips:
            clear = self._button("Clear", "Clear all filters", Narrowing())
            self.buttons = [*self.buttons, clear]
        for button in self.buttons:
            self._flow.addWidget(button)
        self.setVisible(bool(chips))
        self.updateGeometry()

    def _chip(self, text: str, left: Narrowing) -> QToolButton:
        short = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
        button = self._button(f"{short}  ✕", f"Remove filter {text}", left)
        button.setProperty("chip", True)
        button.setToolTip(f"Remove this filter: {text}")
        return button

    def _button(self, text: str, name: str, left: Narrowing) -> QToolButton:
        button = QToolButton(self)
        button.setText(text.replace("&", "&&"))
        button.setAccessibleName(name)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.clicked.connect(lambda: self.changed.emit(left))
        return button
