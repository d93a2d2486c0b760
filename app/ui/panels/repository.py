"""The repository of the session's folder: what changed, staging it by file and hunk, discarding, and commits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QModelIndex, QPoint, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLabel,
    QListView,
    QMenu,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.agents.files.restoring import read_session_files
from app.agents.repository.changing import move_hunk, plan_discard, stage, unstage
from app.agents.repository.committing import bound_folder, commit_command, failure, record_commit
from app.agents.repository.message import propose_message
from app.agents.repository.reading import shown_path
from app.errors import UserError
from app.ui.bridge import while_alive
from app.ui.conversation.lexing import Lexer
from app.ui.conversation.parts import Style
from app.ui.desk import Desk
from app.ui.diff.buttons import HunkControls
from app.ui.diff.restorer import Restorer
from app.ui.diff.view import DiffView
from app.ui.forms import Question, in_words
from app.ui.item_list import item_list
from app.ui.models.repository import LETTERS, StatusModel
from app.ui.panel import Panel
from app.ui.places import Place, RepositoryPlace
from app.ui.repository.bars import RepositoryBar, StagingBar, fill
from app.ui.repository.commit_box import CommitBox
from app.ui.repository.items import StatusItems
from app.ui.repository.reader import Found, RepositoryReader

if TYPE_CHECKING:
    from app.agents.files.restoring import SessionFiles
    from app.agents.repository.reading import Repository
    from app.agents.repository.status import ChangedFile
    from app.sessions.events import GitState
    from app.sessions.file_changes import Step
    from app.sessions.line_diff import FileDiff

_NO_FOLDER = (
    "This workspace has no folder on this computer.\n\n"
    "Bind one with `lovelace workspace open DIR`; its repository appears here."
)
_NO_REPOSITORY = (
    "{folder} is in no git repository.\n\nMake one with `git init`, in the terminal for instance; "
    "what changes then appears here, to be staged and committed."
)
_CLEAN = "Nothing to commit.\n\nWhat you and agents change in this folder appears here."
_NO_SESSION = "Open a session first: a commit becomes part of it."
_COLOURED_TEXT, _KEPT_TEXTS, _LISTED_ROWS = 1_000_000, 8, 9


class RepositoryPanel(Panel):
    """The tab "Git". Reads only while it is shown."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._session: str | None = None
        self._found: Found | None = None
        self._wanted: RepositoryPlace | None = None
        self.shown_file: ChangedFile | None = None
        self._is_stale = True
        self._is_sized = False
        self.reader = RepositoryReader(desk, self)
        self.restorer = Restorer(desk, self.reader.refresh)
        self.model = StatusModel(self)
        self._lexer = Lexer(desk.bridge.compute, self, largest=_COLOURED_TEXT, kept=_KEPT_TEXTS)
        self._items = StatusItems(desk.themes, self)
        self.bar, self.file_bar = RepositoryBar(self), StagingBar(self)
        self.list = self._make_list()
        self.question = Question(self)
        self.view = DiffView(Style(desk.themes.theme, self._lexer), self)
        self.commit_box = CommitBox(self)
        self._empty = QLabel(self)
        self._arrange()
        self._connect()

    def _make_list(self) -> QListView:
        made = item_list(self.model, self._items, "Files of the repository", self)
        made.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        made.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        made.installEventFilter(self)
        return made

    def _arrange(self) -> None:
        lower = QWidget(self)
        _column(lower, self.file_bar, self.view).setStretchFactor(self.view, 1)
        self.splitter = QSplitter(Qt.Orientation.Vertical, self)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self.list)
        self.splitter.addWidget(lower)
        self.splitter.setStretchFactor(1, 1)
        self._empty.setProperty("role", "muted")
        self._empty.setTextFormat(Qt.TextFormat.PlainText)
        self._empty.setWordWrap(True)
        self._empty.setMargin(20)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self._empty)
        self.pages.addWidget(self.splitter)
        _column(self, self.bar, self.question, self.pages, self.commit_box).setStretchFactor(self.pages, 1)
        self.commit_box.hide()
        self.bar.show_repository(None, (), None)

    def _connect(self) -> None:
        self.reader.found.connect(self._take)
        self.reader.failed.connect(self._fail)
        self.reader.shown.connect(self._take_diff)
        self.bar.folder_chosen.connect(lambda folder: self.reader.open(self._session, folder))
        self.bar.again.clicked.connect(self.reader.read)
        self.bar.more.menu().aboutToShow.connect(lambda: self.bar.fill_menu(self._menu()))
        self.list.selectionModel().currentChanged.connect(self._choose)
        self.list.doubleClicked.connect(lambda _index: self.toggle())
        self.list.customContextMenuRequested.connect(
            lambda point: self._open_menu(self.list.viewport().mapToGlobal(point))
        )
        self.file_bar.split_chosen.connect(self.view.set_split)
        self.file_bar.stage.clicked.connect(lambda: self._toggle_current())
        self.view.hunk_activated.connect(self._move_hunk)
        self.view.copied.connect(lambda text: QGuiApplication.clipboard().setText(text))
        self.view.menu_wanted.connect(self._open_menu)
        self.commit_box.committed.connect(self._commit)
        self.commit_box.wanted.connect(self.propose)
        self.splitter.splitterMoved.connect(lambda *_moved: setattr(self, "_is_sized", True))
        self.desk.themes.changed.connect(self._take_theme)

    # For the window

    @property
    def repository(self) -> Repository | None:
        """What is shown."""
        return None if self._found is None else self._found.repository

    def show_session(self, session: str | None) -> None:
        if session != self._session:
            self._session = session
            self._open()

    def show_workspace(self) -> None:
        self._open()

    def refresh(self, sessions: frozenset[str]) -> None:
        if self._session in sessions:
            self._read_again()

    def go(self, place: Place) -> None:
        if isinstance(place, RepositoryPlace):
            self._wanted = place
            self.reader.read()

    def handlers(self) -> Mapping[str, Callable[[], object]]:
        return {
            "repository.show": self.list.setFocus,
            "repository.refresh": self.reader.read,
            "repository.stage": lambda: self._stage(self.chosen(), wanted=True),
            "repository.unstage": lambda: self._stage(self.chosen(), wanted=False),
            "repository.stage_all": lambda: self._stage(self._all(staged=False), wanted=True),
            "repository.unstage_all": lambda: self._stage(self._all(staged=True), wanted=False),
            "repository.stage_hunk": lambda: self._move_hunk(self.view.current_hunk()),
            "repository.discard": self.discard,
            "repository.propose": self.propose,
            "repository.commit": self._go_commit,
        }

    def state(self) -> dict[str, Any]:
        height = self.splitter.sizes()[0] if self._is_sized else None
        return {"split": self.view.is_split, "list_height": height}

    def restore(self, state: dict[str, Any]) -> None:
        if state.get("split") is True:
            self.file_bar.split.setChecked(True)
        height = state.get("list_height")
        if isinstance(height, int) and 0 < height < 10_000:
            self._is_sized = True
            self.splitter.setSizes([height, 10_000])

    # What is shown

    def _open(self) -> None:
        self._found = None
        self.question.hide()
        self._is_stale = not self.isVisible()
        if not self._is_stale:
            self.reader.open(self._session)

    def _read_again(self) -> None:
        self._is_stale = self._is_stale or not self.isVisible()
        if not self._is_stale:
            self.reader.refresh()

    def _take(self, found: Found) -> None:
        before = self.file()
        row = self.list.currentIndex().row()
        self._found = found
        repository = found.repository
        status = None if repository is None else repository.status
        self.bar.show_repository(repository, found.folders, found.folder)
        self.model.set_status(status)
        self.commit_box.setVisible(repository is not None)
        self.commit_box.show_state(
            staged=len(status.of("staged")) if status else 0,
            agent=(found.session.agent if found.session else None) or "",
            why_not=self._why_not(found),
        )
        if not self.model.rows:
            self.view.show_diff(None)
            self._show_empty(found)
            return
        self.pages.setCurrentWidget(self.splitter)
        self._size_list()
        self._go_to_row(self._row_for(before, row))

    def _row_for(self, before: ChangedFile | None, row: int) -> int:
        """Where to be after a reading: at the place asked for, the same file, or what took its place."""
        wanted, self._wanted = self._wanted, None
        if wanted is not None and (found := self._row_of_place(wanted)) >= 0:
            return found
        same = -1 if before is None else self.model.row_of(before.group, before.path)
        return same if same >= 0 else self.model.nearest(row)

    def _row_of_place(self, place: RepositoryPlace) -> int:
        repository, found = self.repository, self._found
        if repository is None or found is None or found.folder is None or place.path is None:
            return -1
        for row in range(len(self.model.rows)):
            file = self.model.file(row)
            if file is not None and repository.place(file.path) == found.folder / place.path:
                return row
        return -1

    def _go_to_row(self, row: int) -> None:
        if row == self.list.currentIndex().row():
            self._show_current()
        elif row >= 0:
            self.list.setCurrentIndex(self.model.index(row))

    def _show_empty(self, found: Found) -> None:
        folder = "" if found.folder is None else str(found.folder)
        text = _NO_FOLDER if not folder else _NO_REPOSITORY.format(folder=folder)
        self._empty.setText(_CLEAN if found.repository is not None else text)
        self.pages.setCurrentWidget(self._empty)

    def _why_not(self, found: Found) -> str:
        if found.session is None:
            return _NO_SESSION
        if found.repository is not None and found.repository.status.of("conflict"):
            return "Settle the files in conflict first, then stage them."
        return ""

    def _fail(self, error: BaseException) -> None:
        self.model.set_status(None)
        self.view.show_diff(None)
        self.commit_box.hide()
        self.bar.show_repository(None, (), None)
        self._empty.setText(in_words(error))
        self.pages.setCurrentWidget(self._empty)

    def _size_list(self) -> None:
        if not self._is_sized:
            rows = min(_LISTED_ROWS, len(self.model.rows))
            self.list.setMinimumHeight(2 * self._items.row_height() + 2)
            height = rows * self._items.row_height() + 8
            self.splitter.setSizes([height, max(1, self.splitter.height() - height)])

    def file(self) -> ChangedFile | None:
        """The file that is shown."""
        return self.model.file(self.list.currentIndex().row())

    def chosen(self) -> list[ChangedFile]:
        """The selected files."""
        rows = sorted(index.row() for index in self.list.selectionModel().selectedIndexes())
        files = [file for row in rows if (file := self.model.file(row)) is not None]
        current = self.file()
        return files or ([] if current is None else [current])

    def _choose(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if current.isValid():
            self._show_current()

    def _show_current(self) -> None:
        file, repository = self.file(), self.repository
        if file is not None and repository is not None:
            self.file_bar.show_group(file.group)
            self.reader.show(repository, file)

    def _take_diff(self, file: ChangedFile, diff: FileDiff, newer: bool) -> None:
        self.shown_file = file
        if newer and diff == self.view.diff:
            return
        self.view.show_diff(diff, keep_place=newer)
        self.view.set_controls(self._controls(file, diff))
        word = "" if file.letter == "M" else LETTERS.get(file.letter, "")
        self.file_bar.show_file(diff.path, diff.added, diff.removed, word)

    def _controls(self, file: ChangedFile, diff: FileDiff) -> dict[int, HunkControls]:
        if file.group not in ("staged", "changed") or file.is_submodule or diff.created or diff.deleted:
            return {}
        action = ("unstage", "Unstage") if file.group == "staged" else ("stage", "Stage")
        return {number: HunkControls(actions=(action,)) for number in range(len(diff.hunks))}

    def _take_theme(self, theme: Any) -> None:
        self.view.set_style(Style(theme, self._lexer))
        self._items.take_fonts()
        self.commit_box.take_fonts()
        self.list.doItemsLayout()
        self._size_list()

    # What people do

    def toggle(self) -> None:
        """Stage the selected files, or take them out again where the first is staged."""
        files = self.chosen()
        if files:
            self._stage(files, wanted=files[0].group != "staged")

    def _toggle_current(self) -> None:
        file = self.file()
        if file is not None:
            self._stage([file], wanted=file.group != "staged")

    def _all(self, *, staged: bool) -> list[ChangedFile]:
        repository = self.repository
        files = () if repository is None else repository.status.files
        groups = ("staged",) if staged else ("changed", "untracked")
        return [file for file in files if file.group in groups]

    def _stage(self, files: Sequence[ChangedFile], *, wanted: bool) -> None:
        repository = self.repository
        files = [file for file in files if (file.group == "staged") is not wanted]
        if repository is None or not files:
            self.desk.say("There is nothing to stage." if wanted else "There is nothing to unstage.")
            return
        self._change((stage if wanted else unstage)(repository, files))

    def _move_hunk(self, number: int, _action: str = "") -> None:
        repository, file, diff = self.repository, self.shown_file, self.view.diff
        if repository is None or file is None or diff is None:
            return
        if number not in self._controls(file, diff):
            self.desk.say("Only hunks of changed files are staged; this file is staged as a whole.")
            return
        self._change(move_hunk(repository, file, diff, diff.hunks[number]))

    def _change(self, work: Any) -> None:
        def failed(error: BaseException) -> None:
            self.desk.report(error)
            self.reader.read()

        done = while_alive(self, lambda _done: self.reader.read())
        self.desk.bridge.call(work, done, while_alive(self, failed))

    def discard(self) -> None:
        """Ask whether what is not staged of the shown file may go; it is kept in the session."""
        repository, file, session = self.repository, self.file(), self._session
        if repository is None or file is None or file.group not in ("changed", "untracked"):
            self.desk.say("Only changed and untracked files are discarded.")
        elif session is None:
            self.desk.report(UserError("Open a session first: it keeps what is discarded, so that it can come back."))
        else:
            verb = "Delete" if file.group == "untracked" else "Discard what is not staged of"
            question = f"{verb} {shown_path(file.path)}? Its content is kept in the session."
            answer = "Delete" if file.group == "untracked" else "Discard"
            self.question.ask(question, answer, partial(self._plan_discard, repository, file, session))

    def _plan_discard(self, repository: Repository, file: ChangedFile, session: str) -> None:
        workspace = self.desk.workspace

        def plan(files: SessionFiles) -> None:
            def carry_out(steps: list[Step]) -> None:
                self.restorer.carry_out(files, steps, "Discarded")

            self.desk.bridge.call(plan_discard(repository, files, file), carry_out, self.desk.report)

        self.desk.bridge.compute(partial(read_session_files, workspace, session), plan, self.desk.report)

    def propose(self) -> None:
        """Let the session's agent propose a message."""
        found, box = self._found, self.commit_box
        if found is None or found.repository is None or not box.propose.isEnabled():
            self.desk.say(box.propose.toolTip())
            return
        agent = None if found.session is None else found.session.agent
        box.set_busy(f"Asking {agent or 'the agent'} for a message…")
        work = self._propose(found.repository, agent)
        self.desk.bridge.call(work, while_alive(self, self._take_message), while_alive(self, self._fail_commit))

    async def _propose(self, repository: Repository, agent: str | None) -> tuple[str, str]:
        """On the loop. An agent that only an import named is not there to be asked; then it is the first one."""
        agents = self.desk.turns.agents
        names = await agents.names()
        if not names:
            raise UserError("No agent is configured. Add one in the settings, or write the message yourself.")
        backend = await agents.backend(agent if agent is not None and agent in names else names[0])
        return await propose_message(repository, backend)

    def _take_message(self, message: tuple[str, str]) -> None:
        self.commit_box.set_busy("")
        self.commit_box.take_message(*message)
        self.commit_box.summary.setFocus()

    def _go_commit(self) -> None:
        if self.commit_box.commit.isEnabled():
            self.commit_box.commit_now()
        else:
            self.commit_box.summary.setFocus()
            self.desk.say(self.commit_box.commit.accessibleDescription())

    def _commit(self, summary: str, body: str) -> None:
        repository, session = self.repository, self._session
        if repository is None or session is None:
            return
        self.commit_box.set_busy("Committing…")
        work = self._run_commit(repository, session, summary, body)
        self.desk.bridge.call(work, while_alive(self, self._after_commit), while_alive(self, self._fail_commit))

    async def _run_commit(self, repository: Repository, session: str, summary: str, body: str) -> GitState | None:
        """On the loop: the person's own command, which the terminal shows and can stop; then the new head."""
        from app.agents.own_command import new_call

        workspace = self.desk.workspace
        bound = await workspace.read_async(lambda queries: queries.folders())
        folder, below = bound_folder(repository.folder, bound)
        line = commit_command(summary, body, below)
        result = await self.desk.own_commands.run(workspace, session, line, folder, new_call())
        if result.exit_code != 0:
            raise UserError(failure(result))
        return await record_commit(workspace, session, repository, workspace.clock)

    def _after_commit(self, state: GitState | None) -> None:
        self.commit_box.set_busy("")
        self.commit_box.take_message("", "")
        head = "" if state is None or state.head is None else f" as {state.head[:8]}"
        self.desk.say(f"Committed{head}.")
        self.reader.read()

    def _fail_commit(self, error: BaseException) -> None:
        self.commit_box.set_busy("")
        self.commit_box.said.fail(error)
        self.reader.read()

    def _menu(self) -> Sequence[tuple[str, Callable[[], object]] | None]:
        does = self.handlers()
        return (
            ("Stage", does["repository.stage"]),
            ("Unstage", does["repository.unstage"]),
            ("Discard…", does["repository.discard"]),
            None,
            ("Stage all", does["repository.stage_all"]),
            ("Unstage all", does["repository.unstage_all"]),
            None,
            ("Copy path", self._copy_path),
        )

    def _open_menu(self, point: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        fill(menu, self._menu())
        menu.popup(point)

    def _copy_path(self) -> None:
        file = self.file()
        if file is not None:
            QGuiApplication.clipboard().setText(shown_path(file.path))
            self.desk.say("Path copied.")

    # Overrides

    def eventFilter(self, watched: Any, event: QEvent) -> bool:
        if watched is self.list and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            acts: dict[int, Callable[[], object]] = {
                Qt.Key.Key_Space: self.toggle,
                Qt.Key.Key_Return: self.view.setFocus,
                Qt.Key.Key_Enter: self.view.setFocus,
            }
            if event.key() in acts and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
                acts[event.key()]()
                return True
        return super().eventFilter(watched, event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isVisible() and self.isActiveWindow():
            self._read_again()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._is_stale:
            self._open()
        else:
            self.reader.refresh()


def _column(parent: QWidget, *widgets: QWidget) -> QVBoxLayout:
    layout = QVBoxLayout(parent)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    for widget in widgets:
        layout.addWidget(widget)
    return layout
