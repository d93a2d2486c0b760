"""The small form that opens under the filter button; what is chosen holds at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from PySide6.QtCore import QDate, QPoint, Qt, Signal
from PySide6.QtWidgets import QComboBox, QDateEdit, QFormLayout, QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from app.sessions.facets import Facets
from app.ui.ages import day_start
from app.ui.browser.narrowing import Kept, Narrowing, Period
from app.ui.words import one_line

TYPES = ("interactive", "agent", "mcp")
STATUSES = ("active", "paused", "waiting", "completed", "failed")
_WIDTH = 300


class FilterForm(QFrame):
    """changed: the narrowing that holds now. now: milliseconds."""

    changed = Signal(object)

    def __init__(self, now: Callable[[], int], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("filters")
        self.setAccessibleName("Filter sessions")
        self._now = now
        self._narrowing = Narrowing()
        self.where = self._box("Workspace")
        self.kept = self._box("Show")
        self.period = self._box("Changed")
        self._names = ("type", "status", "agent", "author", "tag")
        self.boxes = {name: self._box(name.capitalize()) for name in self._names}
        self.since, self.until = self._date("From"), self._date("To")
        self.clear = QPushButton("Clear", self)
        self.clear.clicked.connect(lambda: self._give(Narrowing()))
        self._arrange()
        self.where.activated.connect(
            lambda _at: self._give(self._narrowing.change(everywhere=self.where.currentData()))
        )
        self.kept.activated.connect(lambda _at: self._give(self._narrowing.keep(Kept(self.kept.currentData()))))
        self.period.activated.connect(lambda _at: self._choose_period(Period(self.period.currentData())))
        for name, box in self.boxes.items():
            box.activated.connect(lambda _at, n=name, b=box: self._give(self._narrowing.change(**{n: b.currentData()})))
        for edit in (self.since, self.until):
            edit.dateChanged.connect(lambda _day: self._take_dates())
        self.set_choices(Facets())

    def _box(self, name: str) -> QComboBox:
        box = QComboBox(self)
        box.setAccessibleName(name)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(14)
        return box

    def _date(self, name: str) -> QDateEdit:
        edit = QDateEdit(self)
        edit.setAccessibleName(name)
        edit.setCalendarPopup(True)
        edit.setDisplayFormat("d MMM yyyy")
        return edit

    def _arrange(self) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(16, 16, 16, 16)
        form.setVerticalSpacing(8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(self._label("Workspace"), self.where)
        form.addRow(self._label("Show"), self.kept)
        form.addRow(self._label("Changed"), self.period)
        self._days = QWidget(self)
        days = QHBoxLayout(self._days)
        days.setContentsMargins(0, 0, 0, 0)
        days.addWidget(self.since)
        days.addWidget(self.until)
        form.addRow("", self._days)
        for name, box in self.boxes.items():
            form.addRow(self._label(name.capitalize()), box)
        row = QHBoxLayout()
        row.addStretch()
        row.addWidget(self.clear)
        form.addRow(row)
        self.setMinimumWidth(_WIDTH)

    def _label(self, text: str) -> QLabel:
        label = QLabel(text, self)
        label.setProperty("role", "muted")
        return label

    # For the panel

    def show_under(self, button: QWidget) -> None:
        """Open below a widget, inside of the screen."""
        self.adjustSize()
        place = button.mapToGlobal(QPoint(button.width() - self.width(), button.height() + 4))
        room = button.screen().availableGeometry()
        place.setX(max(room.left() + 4, min(place.x(), room.right() - self.width() - 4)))
        self.move(place)
        self.show()
        self.where.setFocus(Qt.FocusReason.PopupFocusReason)

    def set_choices(self, facets: Facets) -> None:
        """What there is to choose from."""
        self._fill(self.where, [("This workspace", False), ("All workspaces", True)])
        self._fill(self.kept, [(kept.value, kept) for kept in Kept])
        self._fill(self.period, [(period.value, period) for period in Period])
        offered = {
            "type": TYPES,
            "status": STATUSES,
            "agent": facets.agents,
            "author": facets.authors,
            "tag": facets.tags,
        }
        for name, box in self.boxes.items():
            self._offer(box, offered[name], getattr(self._narrowing.filter, name))
        self.show_narrowing(self._narrowing)

    def _offer(self, box: QComboBox, values: Sequence[str], chosen: str | None) -> None:
        shown = values if chosen is None or chosen in values else (chosen, *values)
        self._fill(box, [("Any", None), *((one_line(value) or "?", value) for value in shown)])

    def _fill(self, box: QComboBox, items: Sequence[tuple[str, Any]]) -> None:
        box.clear()
        for text, value in items:
            box.addItem(text, value)

    def show_narrowing(self, narrowing: Narrowing) -> None:
        """Show what holds, without telling anybody."""
        self._narrowing = narrowing
        chosen: list[tuple[QComboBox, Any]] = [
            (self.where, narrowing.filter.everywhere),
            (self.kept, narrowing.kept),
            (self.period, narrowing.period),
        ]
        for name, box in self.boxes.items():
            value = getattr(narrowing.filter, name)
            if value is not None and _find(box, value) < 0:
                box.addItem(one_line(value), value)
            chosen.append((box, value))
        for box, value in chosen:
            box.setCurrentIndex(_find(box, value))
        self._show_dates(narrowing)
        self.clear.setEnabled(narrowing != Narrowing())

    def _show_dates(self, narrowing: Narrowing) -> None:
        self._days.setVisible(narrowing.period is Period.CUSTOM)
        for edit, time in ((self.since, narrowing.filter.since), (self.until, narrowing.filter.until)):
            blocked = edit.blockSignals(True)
            then = datetime.fromtimestamp((self._now() if time is None else time) / 1000).astimezone()
            edit.setDate(QDate(then.year, then.month, then.day))
            edit.blockSignals(blocked)
        if self.isVisible():
            self.adjustSize()

    def _give(self, narrowing: Narrowing) -> None:
        self.show_narrowing(narrowing)
        self.changed.emit(narrowing)

    def _choose_period(self, period: Period) -> None:
        month = {"since": day_start(self._now(), 29), "until": day_start(self._now(), -1) - 1}
        dates = month if period is Period.CUSTOM else {"since": None, "until": None}
        self._give(replace(self._narrowing.change(**dates), period=period))

    def _take_dates(self) -> None:
        since, until = sorted((_python(self.since.date()), _python(self.until.date())))
        end = _start(until + timedelta(days=1)) - 1
        self._give(self._narrowing.change(since=_start(since), until=end))


def _find(box: QComboBox, value: Any) -> int:
    return next((at for at in range(box.count()) if box.itemData(at) == value), -1)


def _python(day: QDate) -> date:
    return date(day.year(), day.month(), day.day())


def _start(day: date) -> int:
    return int(datetime(day.year, day.month, day.day).timestamp() * 1000)
