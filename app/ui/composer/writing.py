"""What helps with writing a prompt in a session: its unsent draft, earlier prompts, completions, and attachments.

Drafts are kept per session in the local setting `window.prompts`, so a prompt that was not sent is there again after
a restart; sent ones come back with Up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog, QWidget

from app.sessions.events import UserMessage
from app.sessions.finding import find_sessions, match_score
from app.ui import kept
from app.ui.actions import ALL
from app.ui.bridge import while_alive
from app.ui.composer.attachments import png_of
from app.ui.composer.completions import Completion, CompletionList
from app.ui.composer.field import OpenWord
from app.ui.desk import Desk

if TYPE_CHECKING:
    from app.agents.attaching import Attachment
    from app.sessions.queries import Queries
    from app.sessions.related import RelatedSession
    from app.ui.composer.composer import Composer

KEEP_MS = 700
RELATE_MS = 400
LEAST_RELATED = 12
"""Characters from which on related sessions are looked for."""
MOST_DRAFTS, LONGEST_DRAFT = 50, 100_000
MOST_RECALLED = 100
MOST_OFFERED = 12
NEW_SESSION = ""
"""The key of the draft that belongs to no session yet."""
_SLASH_COMMANDS = tuple(command for command in ALL if command.id not in ("conversation.send", "window.palette"))


class PromptWriting(QObject):
    """Serves the composer of one conversation. command_wanted: the person typed / and chose a command, by its id."""

    command_wanted = Signal(str)

    def __init__(self, desk: Desk, composer: Composer, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk = desk
        self._composer = composer
        self._field = composer.field
        self._session: str | None = None
        self._folders: Sequence[Path] = ()
        self._earlier: list[str] | None = None
        self._place = 0
        self._word: OpenWord | None = None
        self._asked = 0
        self.completions = CompletionList(parent)
        self._keep_soon = QTimer(self, singleShot=True, interval=KEEP_MS)
        self._keep_soon.timeout.connect(self.keep)
        self._relate_soon = QTimer(self, singleShot=True, interval=RELATE_MS)
        self._relate_soon.timeout.connect(self._relate)
        self._connect(parent)

    def _connect(self, parent: QWidget) -> None:
        field = self._field
        field.textChanged.connect(self._keep_soon.start)
        field.textChanged.connect(self._relate_soon.start)
        self._composer.related.chosen.connect(lambda session: field.insert_references([session]))
        field.recalled.connect(self._recall)
        field.word_changed.connect(self._look)
        field.completion_key.connect(self._complete_by_key)
        field.dropped_files.connect(self.attach_files)
        field.dropped_image.connect(self._attach_image)
        self._composer.files_wanted.connect(lambda: self._choose_files(parent))
        self.completions.chosen.connect(self._complete)

    # Sessions and drafts

    def open(self, session: str | None, folders: Sequence[Path]) -> None:
        """Another session is shown: its own draft comes into the field."""
        self._folders = folders
        if session == self._session:
            return
        if self._session is not None:
            self.keep()
        self._session = session
        self._earlier, self._place = None, 0
        self._composer.clear()
        text = self._drafts().get(session or NEW_SESSION)
        if isinstance(text, str):
            self._field.put(text)

    def keep(self) -> None:
        """Keep what is written but not sent."""
        self._keep_soon.stop()
        key, text = self._session or NEW_SESSION, self._field.toPlainText()[:LONGEST_DRAFT]
        drafts = self._drafts()
        if drafts.get(key, "") == text:
            return
        drafts.pop(key, None)
        if text.strip():
            drafts[key] = text
        self._desk.keep_setting(kept.PROMPTS, dict(list(drafts.items())[-MOST_DRAFTS:]))

    def sent(self, text: str) -> None:
        """A prompt was sent: it can be recalled, and its draft is gone."""
        if self._earlier is not None and text:
            self._earlier.append(text)
        self._place = 0
        self._composer.clear()
        self.keep()

    def _drafts(self) -> dict[str, str]:
        found = self._desk.setting(kept.PROMPTS, {})
        return dict(found) if isinstance(found, dict) else {}

    # Earlier prompts

    def _recall(self, direction: int) -> None:
        if self._earlier is not None:
            self._show_earlier(direction)
            return
        session = self._session
        if session is None:
            return

        def arrive(texts: list[str]) -> None:
            if session == self._session:
                self._earlier = texts
                self._show_earlier(direction)

        self._desk.read(lambda queries: _own_prompts(queries, session), while_alive(self, arrive))

    def _show_earlier(self, direction: int) -> None:
        """Step through the prompts; place 0 is what is being written, 1 the last one sent."""
        earlier = self._earlier or []
        place = self._place - direction
        if not 0 <= place <= len(earlier) or (self._place == 0 and self._field.toPlainText().strip()):
            return
        self._place = place
        self._field.put(earlier[-place] if place else "")

    # Completions

    def _look(self, word: OpenWord | None) -> None:
        self._asked += 1
        self._word = word
        if word is None or not self._field.hasFocus():
            self._offer([])
        elif word.sign == "/":
            self._offer(commands_for(word.wanted))
        else:
            number, folders = self._asked, tuple(self._folders)
            self._desk.read(
                lambda queries: _references(queries, folders, word.wanted),
                while_alive(self, lambda found: self._offer(found) if number == self._asked else None),
            )

    def _offer(self, completions: Sequence[Completion]) -> None:
        self.completions.offer(completions, self._field)
        self._field.takes_completion_keys = bool(completions)

    def _complete_by_key(self, key: int) -> None:
        self.completions.key(key)
        self._field.takes_completion_keys = self.completions.isVisible()

    def _complete(self, chosen: Completion) -> None:
        word = self._word
        if word is None:
            return
        self._field.complete(word, chosen.text)
        self._field.takes_completion_keys = False
        if chosen.command is not None:
            self.command_wanted.emit(chosen.command)

    # Related sessions

    def _relate(self) -> None:
        """While the first prompt of a session is being written: earlier sessions that have to do with it."""
        text = self._field.toPlainText().strip()
        if self._session is not None or len(text) < LEAST_RELATED:
            self._composer.related.offer([])
            return

        def arrive(found: Sequence[RelatedSession]) -> None:
            if self._session is None:
                self._composer.related.offer([one for one in found if f"@{one.id}" not in self._field.toPlainText()])

        self._desk.read(lambda queries: queries.related(text), while_alive(self, arrive))

    # Attachments

    def attach_files(self, paths: Sequence[str]) -> None:
        """Read files, off the main thread, and show them with the prompt."""
        self._desk.bridge.compute(lambda: _read_all(paths), while_alive(self, self._take_read), self._desk.report)

    def with_mentioned(self, text: str, then: Callable[[list[Attachment]], object]) -> None:
        """What goes with a prompt: the attached files, and those of the folders that it mentions as @path."""
        chosen, folders = self._composer.attachments(), tuple(self._folders)

        def read() -> list[Attachment]:
            attachments, _problems = _read_all(mentioned_files(text, folders))
            return [*chosen, *(one for one in attachments if one not in chosen)]

        if "@" not in text or not folders:
            then(chosen)
        else:
            self._desk.bridge.compute(read, then)

    def _take_read(self, read: tuple[list[Attachment], list[str]]) -> None:
        attachments, problems = read
        self._add(attachments)
        if problems:
            from app.errors import UserError

            self._desk.report(UserError(" ".join(problems[:3])))

    def _attach_image(self, image: QImage) -> None:
        from app.agents.attaching import attach

        if not image.isNull():
            self._add([attach("picture.png", png_of(image))])

    def _add(self, attachments: Sequence[Attachment]) -> None:
        from app.agents.attaching import MAX_ATTACHMENTS

        room = MAX_ATTACHMENTS - len(self._composer.attached.attachments)
        self._composer.attached.add(attachments[: max(room, 0)])
        if len(attachments) > room:
            self._desk.say(f"A message takes {MAX_ATTACHMENTS} files at most")

    def _choose_files(self, parent: QWidget) -> None:
        dialog = QFileDialog(parent, "Attach files", str(next(iter(self._folders), Path.home())))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.filesSelected.connect(self.attach_files)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()


def commands_for(wanted: str) -> list[Completion]:
    """Commands whose names match what was typed after the slash, best first."""
    typed = wanted.lower().replace("-", " ")
    scored = [
        (score, order, Completion(f"/{_slug(command.title)}", command.help, command=command.id))
        for order, command in enumerate(_SLASH_COMMANDS)
        if (score := match_score(typed, command.title)) is not None
    ]
    scored.sort(key=lambda one: (-one[0], one[1]))
    return [completion for _score, _order, completion in scored[:MOST_OFFERED]]


def mentioned_files(text: str, folders: Sequence[Path]) -> list[str]:
    """Files of the folders that a prompt mentions as @path, in order, each once; never one outside of the folders."""
    found: dict[str, None] = {}
    for word in text.split():
        name = word[1:].rstrip(".,;:!?)") if word.startswith("@") else ""
        for folder in folders if name else ():
            path = os.path.realpath(folder / name)
            if Path(path).is_relative_to(os.path.realpath(folder)) and os.path.isfile(path):
                found[path] = None
                break
    return list(found)


def _references(queries: Queries, folders: Sequence[Path], wanted: str) -> list[Completion]:
    """Sessions and files that match; runs on a reading thread."""
    sessions = find_sessions(queries.named_sessions(), wanted, MOST_OFFERED // 2)
    offered = [Completion(one.title, "session", f"@{one.id} ") for one in sessions]
    return (
        [*_files(folders, wanted), *offered] if "/" in wanted or "." in wanted else [*offered, *_files(folders, wanted)]
    )


def _files(folders: Sequence[Path], wanted: str) -> list[Completion]:
    from itertools import islice

    from app.agents.tools.folders import Folders
    from app.agents.tools.walk import walk

    there = [folder for folder in folders if folder.is_dir()]
    if not there:
        return []
    bounded = Folders(there[:1])
    scored = []
    for entry in islice(walk(bounded, bounded.roots[0]), 20_000):
        name = bounded.display(Path(entry.path))
        if entry.is_file(follow_symlinks=False) and " " not in name:
            score = match_score(wanted.lower(), name)
            if score is not None:
                scored.append((-score, name))
    return [Completion(name, "file", f"@{name} ") for _score, name in sorted(scored)[:MOST_OFFERED]]


def _own_prompts(queries: Queries, session: str) -> list[str]:
    """What people asked in a session, oldest first."""
    events = queries.events(session, kinds=["user_message"], limit=MOST_RECALLED)
    texts = [event.body.text for event in events if isinstance(event.body, UserMessage)]
    return list(dict.fromkeys(text for text in texts if text.strip()))


def _read_all(paths: Sequence[str]) -> tuple[list[Attachment], list[str]]:
    """The files that can be attached, and sentences about the others."""
    from app.agents.attaching import MAX_ATTACHMENTS, read_attachment
    from app.errors import UserError

    found, problems = [], []
    for path in paths[: MAX_ATTACHMENTS + 1]:
        try:
            found.append(read_attachment(Path(path)))
        except UserError as error:
            problems.append(str(error))
    return found, problems


def _slug(title: str) -> str:
    return title.removesuffix("…").lower().replace(" ", "-")
