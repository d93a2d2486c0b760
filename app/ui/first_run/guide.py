"""The guide itself: one step after the other, and at the end a new session."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.ui import kept
from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.first_run.answering import AnsweringStep
from app.ui.first_run.name import NameStep
from app.ui.first_run.step import Step
from app.ui.first_run.work import WorkStep
from app.ui.forms import Prose
from app.ui.places import SessionPlace

WIDTH = 600


class FirstRun(QWidget):
    """finished: the guide is over and goes away; at its own end a new session and its composer are gone to after it."""

    finished = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("first-run")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("First steps")
        self.desk = desk
        self.steps: Sequence[Step] = (NameStep(desk), AnsweringStep(desk), WorkStep(desk))
        self.where = Prose("", self)
        self.next = QPushButton("", self)
        self.next.setProperty("primary", "true")
        self.next.setAutoDefault(True)
        self.back = QPushButton("&Back", self)
        self.skip = QPushButton("Skip this st&ep", self)
        self.leave = QPushButton("Skip a&ll", self)
        self.leave.setAccessibleDescription("Go to an empty session now")
        self.number = 0
        self._is_over = False
        self._arrange()
        self.next.clicked.connect(lambda _checked: self._take())
        self.back.clicked.connect(lambda _checked: self._show(self.number - 1))
        self.skip.clicked.connect(lambda _checked: self._go_on())
        self.leave.clicked.connect(lambda _checked: self._finish())
        self._show(0)

    def _arrange(self) -> None:
        column = QWidget(self)
        column.setFixedWidth(WIDTH)
        inner = QVBoxLayout(column)
        inner.setContentsMargins(16, 32, 16, 32)
        inner.setSpacing(16)
        inner.addStretch(1)
        inner.addWidget(self.where)
        for step in self.steps:
            inner.addWidget(step)
        inner.addSpacing(8)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (self.next, self.back, self.skip):
            buttons.addWidget(button)
        buttons.addStretch()
        buttons.addWidget(self.leave)
        inner.addLayout(buttons)
        inner.addStretch(2)
        scroll = QScrollArea(self)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        holder = QWidget(scroll)
        holder.setObjectName("page")
        line = QHBoxLayout(holder)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(column, 0, Qt.AlignmentFlag.AlignHCenter)
        scroll.setWidget(holder)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scroll)

    @property
    def step(self) -> Step:
        """The step in front."""
        return self.steps[self.number]

    def _show(self, number: int) -> None:
        last = number == len(self.steps) - 1
        self.number = number
        for other, step in enumerate(self.steps):
            step.setVisible(other == number)
        self.where.setText(f"Step {number + 1} of {len(self.steps)}")
        self.next.setText("&Start" if last else "&Continue")
        self.back.setVisible(number > 0)
        self.skip.setVisible(not last)
        self.step.begin()

    def _take(self) -> None:
        self.step.take(self._go_on)

    def _go_on(self) -> None:
        number = self.number + 1
        if number < len(self.steps):
            self._show(number)
        else:
            self._finish()

    def _finish(self) -> None:
        """A new session; pressed twice, still one."""
        if self._is_over:
            return
        self._is_over = True
        self.desk.keep_setting(kept.WELCOMED, True)
        self.desk.write(lambda operations: operations.create(), while_alive(self, self._leave), self._fail)

    def give_way(self, *_where: object) -> None:
        """The person goes somewhere else: the guide is over, without a session of its own."""
        if not self._is_over:
            self._is_over = True
            self.desk.keep_setting(kept.WELCOMED, True)
            self.finished.emit()

    def _leave(self, session: str) -> None:
        desk = self.desk
        self.finished.emit()
        desk.go(SessionPlace(session))
        desk.command("conversation.compose")

    def _fail(self, error: BaseException) -> None:
        self._is_over = False
        self.step.said.fail(error)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.step.begin()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not isinstance(self.focusWidget(), QPushButton):
            self._take()
        else:
            super().keyPressEvent(event)
