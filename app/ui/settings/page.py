"""What every page of the settings is, and the row of the table that makes it one."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from PySide6.QtWidgets import QLayout, QVBoxLayout, QWidget

from app.ui.desk import Desk
from app.ui.forms import Heading, Prose, rule

MOST_WIDTH = 760
PART = 11.0


class Page(QWidget):
    """A page: a heading, a sentence about it, and below them whatever the page adds to `body`.

    What is changed takes effect at once; there is nothing to apply.
    """

    def __init__(self, desk: Desk, title: str, about: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.desk = desk
        inner = QWidget(self)
        inner.setMaximumWidth(MOST_WIDTH)
        self.body = QVBoxLayout(inner)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(12)
        self.body.addWidget(Heading(title, desk.themes))
        if about:
            self.body.addWidget(Prose(about))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(32, 24, 32, 32)
        outer.addWidget(inner)
        outer.addStretch()

    def add(self, *things: QWidget | QLayout) -> None:
        """Put things below each other."""
        for thing in things:
            if isinstance(thing, QWidget):
                self.body.addWidget(thing)
            else:
                self.body.addLayout(thing)

    def part(self, title: str, about: str = "") -> None:
        """Begin another part of the page."""
        self.body.addSpacing(8)
        self.add(rule(), Heading(title, self.desk.themes, PART))
        if about:
            self.add(Prose(about))

    def shown(self) -> None:
        """The page is in front now: read what it shows."""


@dataclass(frozen=True, slots=True)
class PageKind:
    """A row of the table. made_by: "module:class"."""

    id: str
    title: str
    made_by: str

    def make(self, desk: Desk) -> Page:
        """The page; its module is imported now."""
        module, name = self.made_by.split(":")
        made: Page = getattr(import_module(module), name)(desk)
        return made
