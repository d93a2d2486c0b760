"""Storage: what takes room, giving it back, backups, and looking the home over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.sessions.sizes import human_size
from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.forms import Prose, Question, Said, Working, clear, labelled, side_by_side
from app.ui.job import Job, Step, Stopped
from app.ui.places import SessionPlace
from app.ui.settings.page import Page
from app.ui.words import counted, one_line

if TYPE_CHECKING:
    from app.commands.doctor import Check
    from app.commands.storage import HomeSize
    from app.sessions.views import SessionRow
    from app.workspace import Workspace

SHOWN_SESSIONS = 8
_PARTS = ("Database", "Large contents", "Logs", "Unused in the database", "Free on the disk")
_CHECKS = 11
"""So many checks the doctor makes of a sound home."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A check of the doctor. question: what it would ask before it mends."""

    check: Check
    question: str = ""


class CheckRow(QWidget):
    """What the doctor said of one part, with a way to have it mended."""

    def __init__(self, page: StoragePage, examined: Examined) -> None:
        super().__init__(page)
        check = examined.check
        mark = QLabel("✓" if check.ok else "✗", self)
        mark.setProperty("role", "done" if check.ok else "failed")
        mark.setAccessibleName("sound" if check.ok else "not sound")
        mark.setFixedWidth(16)
        name = QLabel(check.name, self)
        name.setFixedWidth(90)
        line = QHBoxLayout()
        line.setSpacing(8)
        for label in (mark, name):
            line.addWidget(label, 0, Qt.AlignmentFlag.AlignTop)
        line.addWidget(Prose(check.message, self), 1)
        self.question = Question(self)
        self.mend = QPushButton("Mend…", self)
        self.mend.setAccessibleName(f"Mend {check.name}")
        self.mend.setVisible(bool(examined.question))
        line.addWidget(self.mend, 0, Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(line)
        layout.addWidget(self.question)
        self.mend.clicked.connect(
            lambda _checked: self.question.ask(
                examined.question, "Mend", lambda: page.examine(frozenset({check.name})), "Leave"
            )
        )


class StoragePage(Page):
    """rows: of the last check."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, "Storage", f"Everything is in {desk.workspace.home}.", parent)
        self.sizes: dict[str, QLabel] = {}
        self.rows: list[CheckRow] = []
        self.give_back = QPushButton("&Give unused space back", self)
        self.working, self.said = Working("Storage", self), Said(self)
        self._sessions = QVBoxLayout()
        self._sessions.setSpacing(2)
        self.target = QLineEdit(self)
        self.backup = QPushButton("&Back up", self)
        self.check, self.rebuild = QPushButton("&Check", self), QPushButton("&Rebuild lists and search", self)
        self.question = Question(self)
        self._checks = QVBoxLayout()
        self._checks.setSpacing(6)
        self._job: Job | None = None
        self._slots: dict[str, QVBoxLayout] = {}
        self._arrange()
        self._speak_in("space")
        self.working.stop.clicked.connect(lambda _checked: self._job.stop() if self._job is not None else None)
        self.give_back.clicked.connect(lambda _checked: self._give_back())
        self.backup.clicked.connect(lambda _checked: self._back_up())
        self.check.clicked.connect(lambda _checked: self.examine())
        self.rebuild.clicked.connect(lambda _checked: self._ask_to_rebuild())

    def _arrange(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(2, 1)
        for row, name in enumerate(
            ("Database", "Large contents", "Logs", "Unused in the database", "Free on the disk")
        ):
            size = self.sizes[name] = QLabel("…", self)
            size.setAlignment(Qt.AlignmentFlag.AlignRight)
            size.setAccessibleName(name)
            grid.addWidget(QLabel(name, self), row, 0)
            grid.addWidget(size, row, 1)
        self.add(grid, side_by_side(self.give_back), self._slot("space"))
        self.part("Largest sessions")
        self.add(self._sessions)
        self.part("Backup", "A new folder with everything, encrypted as it is here; Lovelace may be used meanwhile.")
        choose = QPushButton("Choose…", self)
        choose.setAccessibleName("Choose a folder for the backup")
        choose.clicked.connect(lambda _checked: self._choose())
        field = QWidget(self)
        line = QHBoxLayout(field)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.target, 1)
        line.addWidget(choose)
        field.setFocusProxy(self.target)
        self.add(labelled("New &folder", field), side_by_side(self.backup), self._slot("backup"))
        self.target.setAccessibleName("New folder")
        self.part("Check", "Looks at keys, files, database, lists and search; mends nothing without asking.")
        self.add(side_by_side(self.check, self.rebuild), self.question, self._slot("check"), self._checks)

    def _slot(self, part: str) -> QVBoxLayout:
        """Where a part tells how far it is and what came of it."""
        slot = self._slots[part] = QVBoxLayout()
        return slot

    def _speak_in(self, part: str) -> None:
        """What is told next belongs to this part of the page."""
        self.said.say("")
        for widget in (self.working, self.said):
            self._slots[part].addWidget(widget)

    def shown(self) -> None:
        workspace = self.desk.workspace
        self.desk.bridge.compute(
            lambda: _measure(workspace), while_alive(self, self._show_size), while_alive(self, self._fail)
        )
        self.desk.read(lambda queries: queries.largest(SHOWN_SESSIONS), while_alive(self, self._show_sessions))
        if not self.target.text():
            self._propose(Path.home())

    def _show_size(self, size: HomeSize) -> None:
        numbers = (size.database, size.blobs, size.logs, size.unused, size.free)
        for label, number in zip(self.sizes.values(), numbers, strict=True):
            label.setText(human_size(number))
        self.give_back.setEnabled(size.unused > 0 and self._job is None)

    def _show_sessions(self, rows: list[SessionRow]) -> None:
        clear(self._sessions)
        for row in rows:
            title = one_line(row.title)
            button = QPushButton(f"{human_size(row.bytes)}   {title}".replace("&", "&&"), self)
            button.setProperty("flat", "true")
            button.setAccessibleName(f"{title}, {human_size(row.bytes)}, {counted(row.events, 'event')}")
            button.clicked.connect(lambda _checked, id=row.id: self.desk.go(SessionPlace(id)))
            self._sessions.addWidget(button)
        if not rows:
            self._sessions.addWidget(Prose("No sessions yet.", self))

    # work

    def _start(self, part: str, word: str, work: Callable[[Step], Any], done: Callable[[Any], None]) -> None:
        """One thing at a time."""
        if self._job is not None:
            return

        def ended(result: Any) -> None:
            self._end()
            done(result)
            self.shown()

        self._job = job = Job(self.desk, work, self)
        job.progressed.connect(self.working.show_progress)
        job.done.connect(ended)
        job.failed.connect(self._fail)
        self._speak_in(part)
        self.working.begin(word)
        self._enable(False)
        job.start()

    def _end(self) -> None:
        self._job = None
        self.working.hide()
        self._enable(True)

    def _fail(self, error: BaseException) -> None:
        self._end()
        if isinstance(error, Stopped):
            self.said.say("Stopped; nothing was changed.")
        else:
            self.said.fail(error)

    def _enable(self, idle: bool) -> None:
        for button in (self.give_back, self.backup, self.check, self.rebuild):
            button.setEnabled(idle)

    def _give_back(self) -> None:
        workspace = self.desk.workspace

        def work(step: Step) -> int:
            from app.commands.storage import give_back

            return give_back(workspace, step)

        self._start(
            "space",
            "Giving space back…",
            work,
            lambda freed: self.said.say(f"{human_size(freed)} went back to the disk.", "done"),
        )

    def _ask_to_rebuild(self) -> None:
        words = (
            "Derive all lists and the search index again from the sessions? Nothing is lost; writing waits meanwhile."
        )
        self.question.ask(words, "Rebuild", self._rebuild, "Leave")

    def _rebuild(self) -> None:
        workspace = self.desk.workspace
        self._start(
            "check",
            "Rebuilding lists and search…",
            lambda step: workspace.write(lambda operations: operations.rebuild(step)),
            lambda events: self.said.say(f"Lists and search index are new: {events:,} events.", "done"),
        )

    # backup

    def _choose(self) -> None:
        dialog = QFileDialog(self, "Folder for the backup", str(Path.home()))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(lambda name: self._propose(Path(name)))
        dialog.open()

    def _propose(self, inside: Path) -> None:
        from app.commands.storage import new_backup_folder

        self.target.setText(str(new_backup_folder(inside)))

    def _back_up(self) -> None:
        database, text = self.desk.workspace.database, self.target.text().strip()
        target = Path(text).expanduser().absolute()

        def work(step: Step) -> tuple[int, bool]:
            from sync.store.backup import back_up
            from sync.store.keyslots import slot_kinds

            return back_up(database, target, step).bytes, slot_kinds(target) == ["keyring"]

        def done(result: tuple[int, bool]) -> None:
            size, only_keyring = result
            more = " Only this computer’s keyring opens it; a recovery code (Keys) would too." if only_keyring else ""
            self.said.say(f"Backed up {human_size(size)} into {target}.{more}", "done")
            self._propose(target.parent)

        if not text:
            self._speak_in("backup")
            self.said.say("Name a new folder for the backup.", "failed")
            return
        self._start("backup", "Backing up…", work, done)

    # check

    def examine(self, mend: frozenset[str] = frozenset()) -> None:
        """Look the home over; mend those of the parts, by their names, that the person said yes to."""
        workspace = self.desk.workspace
        self._start("check", "Checking…", lambda step: _examine(workspace, mend, step), self._show_checks)

    def _show_checks(self, examined: list[Examined]) -> None:
        clear(self._checks)
        self.rows = [CheckRow(self, one) for one in examined]
        for row in self.rows:
            self._checks.addWidget(row)
        bad = sum(not one.check.ok for one in examined)
        mended = sum(one.check.mended for one in examined)
        words = f"{bad} of {len(examined)} parts are not sound." if bad else "Everything is sound."
        self.said.say(words + (f" {mended} mended." if mended else ""), "failed" if bad else "done")


def _measure(workspace: Workspace) -> HomeSize:
    from app.commands.storage import home_size

    return home_size(workspace)


def _examine(workspace: Workspace, mend: frozenset[str], step: Step) -> list[Examined]:
    from app.commands.doctor import Doctor

    part, questions, examined = "", dict[str, str](), list[Examined]()

    def progress(name: str, _done: int, _total: int | None) -> None:
        nonlocal part
        part = name
        step(len(examined), _CHECKS)

    def ask(question: str) -> bool:
        questions[part] = question
        return part in mend

    for check in Doctor(workspace.database, ask=ask, progress=progress).examine():
        examined.append(Examined(check, "" if check.mended else questions.get(check.name, "")))
    return examined
