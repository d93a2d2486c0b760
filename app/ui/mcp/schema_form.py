"""A form made from a JSON schema: one control for each property, one for JSON where the schema is no form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from app.agents.mcp.schema import Field, fields_of, gather, parse_arguments
from app.ui.forms import FIELD_WIDTH, Prose, labelled
from app.ui.theme import mono_font

NOT_GIVEN = "Not given"
_LINES = 4


class SchemaForm(QWidget):
    """fields: what is asked for; None: the arguments are one JSON text. Texts in it come from foreign programs."""

    def __init__(self, schema: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.fields: Sequence[Field] | None = fields_of(schema)
        self.controls: dict[str, QWidget] = {}
        self._values: dict[str, Callable[[], Any]] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(10)
        if self.fields is None:
            self._add(Field("", "Arguments", "json", False, "All arguments as one JSON object", json_type="object"))
        elif not self.fields:
            self._layout.addWidget(Prose("It takes no arguments."))
        for field in self.fields or ():
            self._add(field)

    def arguments(self) -> dict[str, Any]:
        """What was entered. Raises UserError that names the field that does not fit."""
        typed = {name: value() for name, value in self._values.items()}
        if self.fields is None:
            return parse_arguments(str(typed[""]))
        return gather(self.fields, typed)

    def _add(self, field: Field) -> None:
        control, value = _MAKERS[field.kind](field)
        self.controls[field.name] = control
        self._values[field.name] = value
        title = field.title + (" *" if field.required else "")
        row = labelled(title.replace("&", "&&"), control, field.hint)
        for label in row.findChildren(QLabel):
            label.setTextFormat(Qt.TextFormat.PlainText)
        control.setAccessibleName(field.title)
        self._layout.addWidget(row)


class JsonText(QPlainTextEdit):
    """A field of a few lines; Tab goes on to the next one."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.setProperty("role", "field")
        self.setFont(mono_font())
        self.setTabChangesFocus(True)
        self.setPlainText(text)

    def sizeHint(self) -> QSize:
        margins = 2 * int(self.document().documentMargin()) + 12
        return QSize(FIELD_WIDTH, self.fontMetrics().lineSpacing() * _LINES + margins)

    def minimumSizeHint(self) -> QSize:
        return QSize(80, self.sizeHint().height())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ApplicationFontChange:  # the text size of the window is another
            self.setFont(mono_font())


Made = tuple[QWidget, Callable[[], Any]]


def _line(field: Field) -> Made:
    line = QLineEdit(_default(field))
    if field.kind != "text":
        line.setPlaceholderText("a whole number" if field.kind == "integer" else "a number")
    return line, line.text


def _json(field: Field) -> Made:
    text = JsonText("" if field.default is None else msgspec.json.encode(field.default).decode())
    return text, text.toPlainText


def _boolean(field: Field) -> Made:
    if field.required or isinstance(field.default, bool):
        box = QCheckBox("Yes")
        box.setChecked(field.default is True)
        return box, box.isChecked
    return _combo([("Yes", True), ("No", False)], optional=True, default=None)


def _choice(field: Field) -> Made:
    options = [(choice.title, choice.value) for choice in field.choices]
    return _combo(options, optional=not field.required, default=field.default)


def _choices(field: Field) -> Made:
    frame = QWidget()
    layout = QVBoxLayout(frame)
    layout.setContentsMargins(0, 6, 0, 0)
    layout.setSpacing(4)
    boxes = []
    chosen = field.default if isinstance(field.default, list) else []
    for choice in field.choices:
        box = QCheckBox(choice.title.replace("&", "&&"))
        box.setChecked(choice.value in chosen)
        layout.addWidget(box)
        boxes.append((box, choice.value))
    if boxes:
        frame.setFocusProxy(boxes[0][0])

    def value() -> list[Any] | None:
        found = [value for box, value in boxes if box.isChecked()]
        return found if found or field.required else None

    return frame, value


def _combo(options: Sequence[tuple[str, Any]], *, optional: bool, default: Any) -> Made:
    """Values are kept beside the combo box: Qt would make other values of some."""
    combo = QComboBox()
    entries = [(NOT_GIVEN, None), *options] if optional else list(options)
    combo.addItems([title for title, _value in entries])
    values = [value for _title, value in entries]
    if default is not None and default in values:
        combo.setCurrentIndex(values.index(default))
    return combo, partial(_current, combo, values)


def _current(combo: QComboBox, values: Sequence[Any]) -> Any:
    return values[combo.currentIndex()] if values else None


def _default(field: Field) -> str:
    if field.default is None:
        return ""
    return field.default if isinstance(field.default, str) else msgspec.json.encode(field.default).decode()


_MAKERS: dict[str, Callable[[Field], Made]] = {
    "text": _line,
    "integer": _line,
    "number": _line,
    "boolean": _boolean,
    "choice": _choice,
    "choices": _choices,
    "json": _json,
}
