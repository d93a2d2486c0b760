"""What happened in a week, by agent: what was asked, what failed, what it cost. To be looked at, copied, exported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication, QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTextBrowser,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.sessions.review import Review, read_review
from app.sessions.review_text import review_markdown
from app.ui.ages import week_start, week_words
from app.ui.desk import Desk
from app.ui.job import Job, Stopped
from app.ui.panel import Panel
from app.ui.review.html import place_of, review_html
from app.ui.theme import ui_font
from app.ui.title_label import TitleLabel
from app.ui.words import counted

if TYPE_CHECKING:
    from app.ui.job import Step

PAUSE_MS = 5_000
"""The week in force is read anew no more often than this while something happens in it."""
_PROGRESS_AFTER_MS = 400


class ReviewPanel(Panel):
    """The tab "Review"; one week at a time."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self.weeks_ago = 0
        self.review: Review | None = None
        self._job: Job | None = None
        self._is_stale = True
        self.title = TitleLabel(self)
        self.before = self._button("‹", "Week before")
        self.after = self._button("›", "Week after")
        self.state_label = QLabel(self)
        self.copy = QPushButton("Copy as Markdown", self)
        self.export = QPushButton("Export…", self)
        self.view = QTextBrowser(self)
        self._soon = QTimer(self, singleShot=True, interval=PAUSE_MS)
        self._patience = QTimer(self, singleShot=True, interval=_PROGRESS_AFTER_MS)
        self._arrange()
        self._connect()

    def _button(self, sign: str, name: str) -> QToolButton:
        button = QToolButton(self)
        button.setText(sign)
        button.setAccessibleName(name)
        button.setToolTip(name)
        return button

    def _arrange(self) -> None:
        header = QFrame(self)
        header.setObjectName("header")
        row = QHBoxLayout(header)
        row.setContentsMargins(20, 8, 12, 8)
        row.setSpacing(8)
        self.state_label.setProperty("role", "muted")
        for widget in (self.before, self.title, self.after, self.state_label, self.copy, self.export):
            row.addWidget(widget, 1 if widget is self.state_label else 0)
        self.view.setAccessibleName("Review")
        self.view.setOpenLinks(False)
        self.view.setFrameShape(QFrame.Shape.NoFrame)
        self.view.document().setDocumentMargin(20)
        self.view.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextBrowserInteraction | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(header)
        layout.addWidget(self.view, 1)
        self._name_week()

    def _connect(self) -> None:
        self.before.clicked.connect(lambda: self.show_week(self.weeks_ago + 1))
        self.after.clicked.connect(lambda: self.show_week(self.weeks_ago - 1))
        self.copy.clicked.connect(self.copy_markdown)
        self.export.clicked.connect(self.ask_export)
        self.view.anchorClicked.connect(self._go)
        self._soon.timeout.connect(self._read)
        self._patience.timeout.connect(lambda: self.state_label.setText("Reading…"))
        self.desk.themes.changed.connect(self._take_theme)

    def _take_theme(self, _theme: object) -> None:
        self._show()

    # For the window

    def show_workspace(self) -> None:
        self._read_when_shown()

    def refresh(self, sessions: frozenset[str]) -> None:
        if self.weeks_ago == 0:
            if not self.isVisible():
                self._is_stale = True
            elif not self._soon.isActive():
                self._soon.start()

    def handlers(self) -> Mapping[str, Callable[[], object]]:
        return {
            "review.show": self.view.setFocus,
            "review.previous": self.before.click,
            "review.next": self.after.click,
            "review.copy": self.copy_markdown,
            "review.export": self.ask_export,
        }

    def show_week(self, ago: int) -> None:
        """Show the week that began so many weeks before this one."""
        self.weeks_ago = max(0, ago)
        self._name_week()
        self._read_when_shown()

    # What is shown

    def _name_week(self) -> None:
        now = self.desk.now()
        self.title.setText(week_words(week_start(now, self.weeks_ago), now))
        self.title.setAccessibleName(f"Week: {self.title.text()}")
        self.after.setEnabled(self.weeks_ago > 0)

    def _read_when_shown(self) -> None:
        self._is_stale = not self.isVisible()
        if not self._is_stale:
            self._read()

    def _read(self) -> None:
        self._stop()
        now = self.desk.now()
        since, until = week_start(now, self.weeks_ago), week_start(now, self.weeks_ago - 1)
        job = self._job = Job(self.desk, partial(_work, self.desk, since, until), self)
        job.progressed.connect(lambda count, _all: self.state_label.setText(f"Reading… {counted(count, 'event')}"))
        job.done.connect(self._take)
        job.failed.connect(self._fail)
        self._patience.start()
        job.start()

    def _stop(self) -> None:
        job, self._job = self._job, None
        if job is not None:
            for signal in (job.progressed, job.done, job.failed):
                signal.disconnect()
            job.stop()

    def _take(self, review: Review) -> None:
        self._end()
        self.review = review
        self._show()

    def _fail(self, error: BaseException) -> None:
        self._end()
        if not isinstance(error, Stopped):
            self.desk.report(error)

    def _end(self) -> None:
        self._job = None
        self._patience.stop()
        self.state_label.setText("")

    def _show(self) -> None:
        if self.review is not None:
            bar = self.view.verticalScrollBar()
            place = bar.value()
            self.view.document().setDefaultFont(ui_font())
            self.view.setHtml(review_html(self.review, self.desk.themes.theme))
            bar.setValue(place)

    # What people do

    def _go(self, url: QUrl) -> None:
        place = place_of(url.toString())
        if place is not None:
            self.desk.go(place)

    def _markdown(self) -> str:
        return "" if self.review is None else review_markdown(self.review, f"Review: {self.title.text()}")

    def copy_markdown(self) -> None:
        """Copy what is shown."""
        if self.review is not None:
            QGuiApplication.clipboard().setText(self._markdown())
            self.desk.say("Review copied.")

    def ask_export(self) -> None:
        """Ask where to, and write what is shown there."""
        dialog = QFileDialog(self, "Export the review")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("md")
        dialog.setNameFilter("Markdown (*.md)")
        dialog.selectFile("review.md")
        dialog.fileSelected.connect(lambda chosen: self.write(Path(chosen)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def write(self, path: Path) -> None:
        """Write what is shown to a file."""
        text = self._markdown()

        def done(_size: int) -> None:
            open_folder = partial(QDesktopServices.openUrl, QUrl.fromLocalFile(str(path.parent)))
            self.desk.offer(f"Wrote the review to {path}.", "Open Folder", open_folder)

        self.desk.bridge.compute(partial(_write, path, text), done, self.desk.report)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._is_stale:
            self._is_stale = False
            self._name_week()
            self._read()


def _work(desk: Desk, since: int, until: int, step: Step) -> Any:
    return desk.workspace.read(lambda queries: read_review(queries, since, until, lambda count: step(count, 0)))


def _write(path: Path, text: str) -> int:
    from app.errors import UserError

    try:
        return path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"The review cannot be written to {path}: {error.strerror}.") from error
