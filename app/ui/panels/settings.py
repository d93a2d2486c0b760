"""The settings: sections at the left, a calm page at the right. Pages are made when they are first shown."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QFrame, QHBoxLayout, QListWidget, QListWidgetItem, QScrollArea, QStackedWidget, QWidget

from app.ui.desk import Desk
from app.ui.panel import Panel
from app.ui.places import PanelPlace, Place
from app.ui.settings import PAGES
from app.ui.settings.page import Page
from app.ui.theme import ui_font

SECTIONS_PADDING = 60
"""Pixels that the style sheet puts around a section's name."""


class SettingsPanel(Panel):
    """One tab with all pages; `PanelPlace("settings", id of the page)` shows one."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self.setObjectName("settings")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.pages: dict[str, Page] = {}
        self._frames: dict[str, QScrollArea] = {}
        self.sections = QListWidget(self)
        self.sections.setObjectName("sections")
        self.sections.setAccessibleName("Sections of the settings")
        self.sections.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for kind in PAGES:
            QListWidgetItem(kind.title, self.sections)
        self.stack = QStackedWidget(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.sections)
        layout.addWidget(self.stack, 1)
        self.setFocusProxy(self.sections)
        self._fit()
        desk.themes.changed.connect(self._fit)
        self.sections.currentRowChanged.connect(self._show_row)
        self.sections.setCurrentRow(0)

    def _fit(self, _theme: object = None) -> None:
        """The list is as wide as its names in the size that text has."""
        metrics = QFontMetrics(ui_font())
        widest = max(metrics.horizontalAdvance(kind.title) for kind in PAGES)
        self.sections.setFixedWidth(widest + SECTIONS_PADDING)

    @property
    def section(self) -> str:
        """The id of the page in front."""
        return PAGES[self.sections.currentRow()].id

    def _show_row(self, row: int) -> None:
        kind = PAGES[row]
        if kind.id not in self.pages:
            self._add(kind.id, kind.make(self.desk))
        self.stack.setCurrentWidget(self._frames[kind.id])
        self.pages[kind.id].shown()

    def _add(self, id: str, page: Page) -> None:
        frame = QScrollArea(self.stack)
        frame.setFrameShape(QFrame.Shape.NoFrame)
        frame.setWidgetResizable(True)
        frame.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        frame.setWidget(page)
        self.stack.addWidget(frame)
        self.pages[id], self._frames[id] = page, frame

    def go(self, place: Place) -> None:
        ids = [kind.id for kind in PAGES]
        if isinstance(place, PanelPlace) and place.section in ids:
            self.sections.setCurrentRow(ids.index(place.section))
        self.pages[self.section].shown()

    def state(self) -> dict[str, Any]:
        return {"section": self.section}

    def restore(self, state: dict[str, Any]) -> None:
        self.go(PanelPlace("settings", str(state.get("section", ""))))
