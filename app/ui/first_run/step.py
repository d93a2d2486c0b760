"""What every step of the guide is."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.ui.desk import Desk
from app.ui.forms import Heading, Prose, Said

Then = Callable[[], object]


class Step(QWidget):
    """A question to a newcomer. said: what is wrong with the answer, in place."""

    def __init__(self, desk: Desk, title: str, about: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.said = Said(self)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(12)
        self.body.addWidget(Heading(title, desk.themes))
        self.body.addWidget(Prose(about))

    def begin(self) -> None:
        """The step is in front now: put the keyboard where it is wanted."""

    def take(self, then: Then) -> None:
        """Take the answer and go on with `then`, or say in place why that cannot be."""
        then()
