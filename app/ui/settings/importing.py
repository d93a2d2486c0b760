"""Import: what other tools left on this computer, looked at first and then brought in beside the window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QCheckBox, QFileDialog, QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.ui import kept
from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.following import follow_anew, wanted_tools
from app.ui.forms import Prose, Said, Working, clear, side_by_side
from app.ui.import_job import running_import, start_import
from app.ui.job import Job, Step, Stopped
from app.ui.settings.page import Page
from app.ui.words import in_words

if TYPE_CHECKING:
    from app.commands.importing import Found, Totals
    from app.importers.detect import Source
    from app.workspace import Workspace

REASONS_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool whose sessions can be followed. places: where it keeps them; existing: those that are there."""

    name: str
    title: str
    places: tuple[Path, ...]
    existing: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What one place has. totals: what importing it would do; problem: why it cannot be."""

    place: Path
    found: Found | None = None
    totals: Totals | None = None
    problem: str = ""


class PlaceCard(QFrame):
    """A file or folder to import from, and what was found there."""

    def __init__(self, page: ImportPage, place: Path) -> None:
        super().__init__(page)
        self.setObjectName("card")
        self.setAccessibleName(f"Import from {place}")
        self.place = place
        title = QLabel(str(place), self)
        title.setTextFormat(Qt.TextFormat.PlainText)
        title.setWordWrap(True)
        title.setProperty("role", "title")
        remove = QPushButton("Leave out", self)
        remove.setAccessibleName(f"Leave out {place}")
        remove.clicked.connect(lambda _checked: page.leave_out(place))
        self.said = Said(self)
        upper = QHBoxLayout()
        upper.addWidget(title, 1)
        upper.addWidget(remove)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 10, 10, 12)
        layout.setSpacing(4)
        layout.addLayout(upper)
        layout.addWidget(self.said)
        self.said.say("Not looked at yet.")

    def show_preview(self, preview: Preview) -> None:
        """Say what is there."""
        if preview.problem or preview.totals is None or preview.found is None:
            self.said.say(preview.problem, "failed")
            return
        counts = preview.totals.counts
        self.said.say(
            f"{preview.found.words()}: {counts['created']:,} new sessions, {counts['updated']:,} to be updated, "
            f"{counts['unchanged']:,} as they are; {counts['events']:,} events.{reasons_told(preview.totals)}"
        )


def reasons_told(totals: Totals) -> str:
    """What is passed over and why, as further sentences; '' where nothing is."""
    reasons = list(totals.reasons().items())
    if not reasons:
        return ""
    lines = [f"• {count:,} × {reason}" for reason, count in reasons[:REASONS_SHOWN]]
    more = len(reasons) - REASONS_SHOWN
    total = sum(count for _reason, count in reasons)
    return "\n".join([f"\n{total:,} lines are passed over:", *lines, *([f"• and {more} more reasons"] * (more > 0))])


class ImportPage(Page):
    """cards: the places to import from; at first those where the tools keep their sessions."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(
            desk,
            "Import",
            "Sessions of Claude Code, Codex, opencode, Gemini CLI, Goose and Cursor, and exports of Lovelace. They are "
            "copied, the originals stay as they are; imported again, nothing comes twice. Files and folders can also "
            "be dropped here.",
            parent,
        )
        self.setAcceptDrops(True)
        self.cards: list[PlaceCard] = []
        self._known = False
        self._list = QVBoxLayout()
        self._list.setSpacing(8)
        self.nothing = Prose("", self)
        self.files, self.folder = QPushButton("Add &files…", self), QPushButton("Add f&older…", self)
        self.by_folder = QCheckBox("One &workspace for each project folder", self)
        self.look, self.run = QPushButton("&Look first", self), QPushButton("&Import", self)
        self.look.setAccessibleDescription("Count what would come; nothing is changed")
        self.run.setProperty("primary", "true")
        self.working, self.said = Working("Import", self), Said(self)
        self.tools: dict[str, QCheckBox] = {}
        self._tools = QVBoxLayout()
        self._tools.setSpacing(4)
        self.no_tools = Prose("None of these tools has left sessions here yet.", self)
        self._job: Job | None = None
        self._arrange()
        self._connect()

    def _arrange(self) -> None:
        self.add(self._list, self.nothing, side_by_side(self.files, self.folder))
        self.add(self.by_folder, side_by_side(self.run, self.look), self.working, self.said)
        self.part(
            "Follow", "What these tools write on this computer appears here within a second, while both are open."
        )
        self.add(self._tools, self.no_tools)

    def _connect(self) -> None:
        self.files.clicked.connect(lambda _checked: self._choose(QFileDialog.FileMode.ExistingFiles))
        self.folder.clicked.connect(lambda _checked: self._choose(QFileDialog.FileMode.Directory))
        self.look.clicked.connect(lambda _checked: self._preview(then_run=False))
        self.run.clicked.connect(lambda _checked: self._preview(then_run=True))
        self.working.stop.clicked.connect(lambda _checked: self._stop())

    def shown(self) -> None:
        self.desk.bridge.compute(_known_tools, while_alive(self, self._show_tools), while_alive(self, self.said.fail))
        job = running_import(self.desk)
        if job is not None and job is not self._job:
            self._watch(job)
        if not self._known:
            self._known = True
            self.desk.bridge.compute(
                _default_places, while_alive(self, self.add_places), while_alive(self, self.said.fail)
            )

    # places

    def add_places(self, places: Sequence[Path]) -> None:
        """Import from these too."""
        known = {card.place for card in self.cards}
        for place in dict.fromkeys(places):
            if place not in known:
                self.cards.append(PlaceCard(self, place))
                self._list.addWidget(self.cards[-1])
        self._show_buttons()

    def leave_out(self, place: Path) -> None:
        """Do not import from there."""
        kept = [card.place for card in self.cards if card.place != place]
        clear(self._list)
        self.cards = []
        self.add_places(kept)

    def _choose(self, mode: QFileDialog.FileMode) -> None:
        dialog = QFileDialog(self, "Import from", str(Path.home()))
        dialog.setFileMode(mode)
        dialog.filesSelected.connect(lambda names: self.add_places([Path(name) for name in names]))
        dialog.open()

    def _show_buttons(self) -> None:
        idle = self._job is None
        self.look.setEnabled(idle and bool(self.cards))
        self.run.setEnabled(idle and bool(self.cards))
        self.nothing.setText("" if self.cards else "No sessions of other tools were found; add files or a folder.")
        self.nothing.setVisible(not self.cards)

    # looking and importing

    def _preview(self, *, then_run: bool) -> None:
        workspace, places = self.desk.workspace, [card.place for card in self.cards]
        self.said.say("")
        dry = not then_run

        def work(step: Step) -> list[Preview]:
            return [_look_at(workspace, place, step, dry_run=dry) for place in places]

        job = Job(self.desk, work, self)
        job.done.connect(self._show_previews if dry else self._run)
        self._start(job, "Looking; nothing is changed…")

    def _start(self, job: Job, word: str) -> None:
        self._job = job
        job.progressed.connect(self._progress)
        job.done.connect(self._end)
        job.failed.connect(self._fail)
        self.working.begin(word)
        self._show_buttons()
        if not job.is_running:
            job.start()

    def _progress(self, done: int, total: int) -> None:
        self.working.show_progress(done, total)

    def _show_previews(self, previews: list[Preview]) -> None:
        for card, preview in zip(self.cards, previews, strict=False):
            card.show_preview(preview)
        created = sum(preview.totals.counts["created"] for preview in previews if preview.totals)
        self.said.say(f"{created:,} new sessions would come.")

    def _run(self, previews: list[Preview]) -> None:
        """The places were looked into: import what they have."""
        from app.commands.importing import Found

        for card, preview in zip(self.cards, previews, strict=False):
            if preview.problem:
                card.said.say(preview.problem, "failed")
        found = [preview.found for preview in previews if preview.found is not None]
        if found:
            both = Found([a for one in found for a in one.archives], _once(found))
            self._watch(start_import(self.desk, both, by_folder=self.by_folder.isChecked()))

    def _watch(self, job: Job) -> None:
        job.done.connect(self._show_totals)
        self._start(job, "Importing…")

    def _show_totals(self, totals: Totals) -> None:
        self.said.say(totals.sentence() + reasons_told(totals), "done")

    def _stop(self) -> None:
        if self._job is not None:
            self.working.word.setText("Stopping…")
            self.working.stop.setEnabled(False)
            self._job.stop()

    def _fail(self, error: BaseException) -> None:
        self._end(None)
        if isinstance(error, Stopped):
            self.said.say("Stopped. What had come is kept; importing again goes on.")
        else:
            self.said.fail(error)

    def _end(self, _result: object) -> None:
        job = self._job
        if job is not None and not job.is_running:
            self._job = None
            self.working.hide()
            self._show_buttons()

    # following

    def _show_tools(self, tools: Sequence[Tool]) -> None:
        """A switch for each tool that was found here, or that the person wants to be followed when it comes."""
        wanted = wanted_tools(self.desk)
        shown = [tool for tool in tools if tool.existing or (wanted is not None and tool.name in wanted)]
        if list(self.tools) != [tool.name for tool in shown]:
            clear(self._tools)
            self.tools = {tool.name: self._switch(tool) for tool in shown}
        for name, switch in self.tools.items():
            switch.setChecked(wanted is None or name in wanted)
        self.no_tools.setVisible(not shown)

    def _switch(self, tool: Tool) -> QCheckBox:
        switch = QCheckBox(tool.title, self)
        switch.setAccessibleName(f"Follow {tool.title}")
        where = "\n".join(map(str, tool.existing or tool.places))
        switch.setAccessibleDescription(where)
        switch.clicked.connect(self._keep_following)
        place = Prose(where, self)
        place.setContentsMargins(26, 0, 0, 4)
        self._tools.addWidget(switch)
        self._tools.addWidget(place)
        return switch

    def _keep_following(self, _checked: bool) -> None:
        wanted = [name for name, switch in self.tools.items() if switch.isChecked()]
        then = while_alive(self, lambda _nothing: follow_anew(self.desk))
        self.desk.keep_setting(kept.FOLLOW, wanted or None, then, self.said.fail)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self.add_places([Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()])
        event.acceptProposedAction()


def _known_tools() -> list[Tool]:
    from app.importers.registry import FORMATS, possible_places

    return [
        Tool(name, format.title, places, tuple(place for place in places if place.exists()))
        for name, format in FORMATS.items()
        for places in [tuple(possible_places(formats=[name]))]
    ]


def _default_places() -> list[Path]:
    from app.importers.registry import default_places

    return default_places()


def _look_at(workspace: Workspace, place: Path, step: Step, *, dry_run: bool) -> Preview:
    """What a place has, and in a dry run what importing it would do. `Stopped` passes through."""
    from app.commands.importing import bring_in, find
    from app.errors import UserError
    from sync.errors import SyncError

    step(0, 0)
    try:
        found = find([place])
        if not dry_run:
            return Preview(place, found)
        size = max(found.size, 1)
        totals = bring_in(workspace, found, dry_run=True, progress=lambda done: step(done, size))
    except (UserError, SyncError, OSError) as error:
        return Preview(place, problem=in_words(error))
    return Preview(place, found, totals)


def _once(found: Sequence[Found]) -> list[Source]:
    """Transcripts of several places, each file once."""
    return list({source.path.resolve(): source for one in found for source in one.transcripts}.values())
