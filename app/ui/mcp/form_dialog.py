"""The form of a permission request: what a server asks for in the middle of an agent's call is filled in here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QFrame, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.agents.mcp.asked_form import form_schema
from app.errors import UserError
from app.ui.forms import Prose, Said, side_by_side
from app.ui.mcp.schema_form import SchemaForm

if TYPE_CHECKING:
    from app.sessions.events import PermissionRequest

WIDTH, HEIGHT = 520, 360
_ABOUT = "What you send goes to that server, and stays in the session."


class FormDialog(QDialog):
    """It stops nothing: the window goes on beside it. Closing it leaves the request waiting. send: gets the values."""

    def __init__(self, request: PermissionRequest, send: Callable[[dict[str, Any]], object], parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Fill in")
        self._give = send
        self.form, self.said = SchemaForm(form_schema(request), self), Said(self)
        self.send, self.later = QPushButton("&Send", self), QPushButton("Not now", self)
        self.send.setProperty("primary", "true")
        self.send.setDefault(True)
        self.send.clicked.connect(lambda _checked=False: self._send())
        self.later.clicked.connect(lambda _checked=False: self.close())
        area = self._scrolling(self.form)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 20)
        layout.setSpacing(12)
        for widget in (Prose(request.title, self), area, Prose(_ABOUT, self), self.said):
            layout.addWidget(widget, 1 if widget is area else 0)
        layout.addLayout(side_by_side(self.send, self.later))
        self.resize(WIDTH, HEIGHT)

    def _scrolling(self, form: QWidget) -> QScrollArea:
        inner = QWidget(self)
        inner.setObjectName("page")
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(form)
        layout.addStretch(1)
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(inner)
        return area

    def _send(self) -> None:
        try:
            values = self.form.arguments()
        except UserError as error:
            self.said.fail(error)
            return
        self._give(values)
        self.close()


def show_form(parent: QWidget, request: PermissionRequest, send: Callable[[dict[str, Any]], object]) -> None:
    """Open the dialog above the window that a widget is in, in the place of one that is open already."""
    window = parent.window()
    for before in window.findChildren(FormDialog):
        before.close()
    dialog = FormDialog(request, send, window)
    dialog.show()
    next(iter(dialog.form.controls.values())).setFocus()
