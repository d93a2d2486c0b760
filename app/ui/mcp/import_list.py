"""Servers in other programs' files: found, looked at, chosen, taken over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QCheckBox, QFileDialog, QPushButton, QVBoxLayout, QWidget

from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.forms import Prose, Said, clear, side_by_side
from app.ui.words import counted, in_words

if TYPE_CHECKING:
    from app.agents.mcp.config import ServerConfig
    from app.agents.mcp.files import FoundServers

_STATES = {"new": "new", "changed": "configured otherwise here", "unchanged": "as it is here"}
_MOST = 90


@dataclass(frozen=True, slots=True)
class Looked:
    """What a file has. states: of its servers, by name; problem: why it cannot be read."""

    path: Path
    found: FoundServers | None = None
    states: dict[str, str] | None = None
    problem: str = ""


class ImportList(QWidget):
    """boxes: the servers that were found, by name; those that are chosen are taken over."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.boxes: dict[str, QCheckBox] = {}
        self._configs: dict[str, ServerConfig] = {}
        self._paths: list[Path] | None = None
        self._added: list[Path] = []
        self._looks = 0
        self._rows = QVBoxLayout()
        self._rows.setSpacing(4)
        self.choose, self.run = QPushButton("Choose a &file…", self), QPushButton("&Import chosen", self)
        self.said = Said(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        layout.addLayout(self._rows)
        layout.addLayout(side_by_side(self.run, self.choose))
        layout.addWidget(self.said)
        self.run.setEnabled(False)
        self.choose.clicked.connect(lambda _checked: self._choose())
        self.run.clicked.connect(lambda _checked: self._import())

    def look(self) -> None:
        """Look for the files of programs on this computer, and at those that were chosen, anew."""
        desk, paths, added = self.desk, self._paths, tuple(self._added)
        number = self._looks = self._looks + 1

        async def work() -> list[Looked]:
            return await _look(desk, paths, added)

        def show(files: list[Looked]) -> None:
            if number == self._looks:  # an earlier look may end later
                self._show(files)

        desk.bridge.call(work(), while_alive(self, show), while_alive(self, self.said.fail))

    def add(self, path: Path) -> None:
        """Look at this file too."""
        self._added.append(path)
        self.look()

    def _choose(self) -> None:
        dialog = QFileDialog(self, "Servers of another program", str(Path.home()), "JSON (*.json);;All files (*)")
        dialog.fileSelected.connect(lambda name: self.add(Path(name)))
        dialog.open()

    def _show(self, files: Sequence[Looked]) -> None:
        self._paths = [file.path for file in files]
        chosen = {name: box.isChecked() for name, box in self.boxes.items()}
        clear(self._rows)
        self.boxes, self._configs = {}, {}
        for file in files:
            self._show_file(file, chosen)
        if not files:
            self._rows.addWidget(Prose("No servers of Claude, VS Code or Cursor were found; choose a file."))
        self._count()

    def _show_file(self, file: Looked, chosen: dict[str, bool]) -> None:
        self._rows.addWidget(Prose(str(file.path)))
        if file.found is None or file.states is None:
            said = Said()
            self._rows.addWidget(said)
            said.say(file.problem, "failed")
            return
        for config in file.found.servers:
            state = file.states[config.name]
            self._configs[config.name] = config
            box = self.boxes[config.name] = QCheckBox(_row(config, state).replace("&", "&&"))
            box.setAccessibleName(f"Take over {config.name}: {_STATES[state]}")
            box.setChecked(chosen.get(config.name, state == "new"))
            box.setEnabled(state != "unchanged")
            box.toggled.connect(lambda _checked: self._count())
            self._rows.addWidget(box)
            if note := file.found.notes.get(config.name):
                self._rows.addWidget(Prose(f"{config.name}: {note}"))
        for one in file.found.skipped:
            self._rows.addWidget(Prose(f"{one.name} is left out. {one.reason}"))

    def _chosen(self) -> list[ServerConfig]:
        return [self._configs[name] for name, box in self.boxes.items() if box.isChecked() and box.isEnabled()]

    def _count(self) -> None:
        self.run.setEnabled(bool(self._chosen()))

    def _import(self) -> None:
        from app.agents.mcp.secret_values import part

        desk, chosen = self.desk, self._chosen()
        secret = sum(bool(part(one)[1]) for one in chosen)

        async def take() -> int:
            await (await desk.turns.servers.pool()).registry.add(*chosen)
            return len(chosen)

        def taken(count: int) -> None:
            also = " Their tokens are in the keyring." if secret else ""
            self.said.say(f"{counted(count, 'server')} taken over.{also}", "done")
            desk.tell_configured("servers")
            self.look()

        desk.bridge.call(take(), while_alive(self, taken), while_alive(self, self.said.fail))


def _row(config: ServerConfig, state: str) -> str:
    from app.agents.mcp.secret_values import part

    where = part(config)[0].where()
    return f"{config.name} · {_STATES[state]} · {where if len(where) <= _MOST else where[:_MOST] + '…'}"


async def _look(desk: Desk, paths: Sequence[Path] | None, added: Sequence[Path]) -> list[Looked]:
    import asyncio

    from app.agents.mcp.files import known_files

    registry = (await desk.turns.servers.pool()).registry
    places = await asyncio.to_thread(known_files) if paths is None else paths
    looked = []
    for place in dict.fromkeys((*places, *added)):
        file = await asyncio.to_thread(_read, place)
        if file.found is not None:
            states = await registry.compare(file.found.servers)
            named = {one.name: state for state, configs in states.items() for one in configs}
            file = Looked(place, file.found, named)
        looked.append(file)
    return looked


def _read(path: Path) -> Looked:
    from app.agents.mcp.files import read_servers
    from app.errors import UserError

    try:
        return Looked(path, read_servers(path))
    except UserError as error:
        return Looked(path, problem=in_words(error))
