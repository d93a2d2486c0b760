"""A form that describes an agent, asks its server for models, and tries it out before it is kept."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.forms import Said, labelled, side_by_side
from app.ui.words import counted, one_line

if TYPE_CHECKING:
    from app.agents.acp.known import KnownAgent
    from app.agents.registry import AgentConfig, Kind
    from app.agents.trying import Tried

MOST_ANSWER = 80
TEST_SECONDS = 30.0
"""A server that says nothing for so long is given up; the person may stop earlier."""


class _Look(NamedTuple):
    """What the form asks for a kind of agent. about: a sentence for the person."""

    title: str
    name: str
    fields: tuple[str, ...]
    about: str
    model: str = ""


LOOKS: dict[Kind, _Look] = {
    "openai-compatible": _Look(
        "A server: Ollama, LM Studio, llama.cpp, vLLM, …",
        "server",
        ("url", "model", "key"),
        "Any server that speaks the OpenAI protocol; most want no key.",
    ),
    "anthropic": _Look(
        "Anthropic", "anthropic", ("key", "model"), "What you write goes to Anthropic.", "claude-sonnet-4-5"
    ),
    "openai": _Look("OpenAI", "openai", ("key", "model"), "What you write goes to OpenAI.", "gpt-5"),
    "acp": _Look(
        "A program: opencode, Claude Code, Codex, …",
        "agent",
        ("command", "model"),
        "An agent that is installed on this computer and speaks ACP. It works with its own settings, keys and tools, "
        "outside the sandbox; what it does is recorded, and what it asks for is asked here. Leave the model empty for "
        "its own choice.",
    ),
    "scripted": _Look(
        "A script, for trying things out", "script", ("script",), "A JSON list of turns, which the agent plays."
    ),
}

_FIELDS = ("url", "key", "command", "model", "script")


class AgentForm(QWidget):
    """kinds: those to choose from. kept: the agent's name, it can answer now."""

    kept = Signal(str)

    def __init__(self, desk: Desk, kinds: tuple[Kind, ...] = tuple(LOOKS), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.kind = QComboBox(self)
        for kind in kinds:
            self.kind.addItem(LOOKS[kind].title, kind)
        self.name, self.url, self.key, self.script = (QLineEdit(self) for _ in range(4))
        self.url.setPlaceholderText("http://127.0.0.1:11434/v1")
        self.key.setEchoMode(QLineEdit.EchoMode.Password)
        self.model = QComboBox(self)
        self.model.setEditable(True)
        self.model.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.command = QComboBox(self)
        self.command.setEditable(True)
        self.command.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.said = Said(self)
        self.test = QPushButton("&Test", self)
        self.test.setAccessibleDescription("Ask the agent for one word; nothing is kept")
        self.keep = QPushButton("&Add", self)
        self.keep.setProperty("primary", "true")
        self._testing: Future[Any] | None = None
        self._named = False
        self._stem = ""
        self._taken: frozenset[str] = frozenset()
        self._arrange(one_kind=len(kinds) == 1)
        self._connect()
        self._show_kind()

    def _arrange(self, *, one_kind: bool) -> None:
        choose = QPushButton("Choose…", self)
        choose.setAccessibleName("Choose a script file")
        choose.clicked.connect(self._choose_script)
        file = QWidget(self)
        line = QHBoxLayout(file)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.script, 1)
        line.addWidget(choose)
        file.setFocusProxy(self.script)
        self.script.setAccessibleName("File")
        self._rows = {
            "url": labelled("A&ddress", self.url),
            "key": labelled("&Key", self.key, "Kept in this computer’s keyring; it is not shown again."),
            "command": labelled("&Command", self.command, "As in a terminal, for example: opencode acp"),
            "model": labelled("&Model", self.model),
            "script": labelled("&File", file),
        }
        for box, named in ((self.model, "Model"), (self.command, "Command")):
            line_edit = box.lineEdit()
            assert line_edit is not None
            line_edit.setAccessibleName(named)
        kind = self._rows["kind"] = labelled("K&ind", self.kind)
        self._about = self._rows["about"] = Said(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        layout.addWidget(kind)
        kind.setVisible(not one_kind)
        layout.addWidget(self._about)
        for name in _FIELDS:
            layout.addWidget(self._rows[name])
        layout.addWidget(labelled("&Name", self.name, "One that is taken is configured anew."))
        layout.addLayout(side_by_side(self.keep, self.test))
        layout.addWidget(self.said)

    def _connect(self) -> None:
        self.kind.currentIndexChanged.connect(lambda _index: self._show_kind())
        self.url.editingFinished.connect(self._list_models)
        self.key.editingFinished.connect(self._list_models)
        self.name.textEdited.connect(lambda text: setattr(self, "_named", bool(text)))
        self.command.activated.connect(lambda index: self._propose(self.command.itemData(index)))
        self.test.clicked.connect(lambda _checked: self._press_test())
        self.keep.clicked.connect(lambda _checked: self.take())

    # what the form says

    @property
    def chosen_kind(self) -> Kind:
        """The kind of agent that the form describes."""
        kind: Kind = self.kind.currentData()
        return kind

    def choose(self, kind: Kind) -> None:
        """Describe an agent of this kind."""
        self.kind.setCurrentIndex(self.kind.findData(kind))

    def begin(self, kind: Kind) -> None:
        """Describe another agent, of this kind."""
        self.choose(kind)
        for field in (self.url, self.key, self.script):
            field.clear()
        self.command.setEditText("")
        self._named = False
        self._show_kind()

    def show_only_fields(self) -> None:
        """Whoever shows the form chooses the kind, and has a button of its own to keep the agent."""
        self._rows["kind"].hide()
        self.keep.hide()

    def fill(self, *, url: str, models: list[str], name: str) -> None:
        """Describe a server that was found."""
        self.choose("openai-compatible")
        self.url.setText(url)
        self._take_models(models)
        self.name.setText(name)
        self._named = True

    def set_taken(self, names: frozenset[str]) -> None:
        """Names of agents that are there; a proposed name is another one."""
        self._taken = names
        self._propose_name()

    def config(self) -> AgentConfig:
        """The agent as it is described."""
        from app.agents.registry import AgentConfig

        kind, fields = self.chosen_kind, LOOKS[self.chosen_kind].fields
        script = self.script.text().strip()
        return AgentConfig(
            name=self.name.text().strip(),
            kind=kind,
            url=self.url.text().strip() if "url" in fields else None,
            model=(self.model.currentText().strip() or None) if "model" in fields else None,
            command=command_words(self.command.currentText()) if "command" in fields else (),
            script=str(Path(script).expanduser().absolute()) if "script" in fields and script else None,
        )

    def secret(self) -> str | None:
        """The key that was typed."""
        return self.key.text().strip() or None if "key" in LOOKS[self.chosen_kind].fields else None

    def _show_kind(self) -> None:
        look = LOOKS[self.chosen_kind]
        for name in _FIELDS:
            self._rows[name].setVisible(name in look.fields)
        self._about.say(look.about)
        self.model.clear()
        self.model.setEditText(look.model)
        self.said.say("")
        self._propose_name()
        if self.chosen_kind == "acp":
            self._look_for_programs()

    def _look_for_programs(self) -> None:
        """Offer the agents that are installed."""
        from app.agents.acp.known import installed

        self.desk.bridge.compute(installed, while_alive(self, self._take_programs), while_alive(self, self.said.fail))

    def _take_programs(self, found: Sequence[KnownAgent]) -> None:
        typed = self.command.currentText()
        self.command.clear()
        for agent in found:
            self.command.addItem(shlex.join(agent.command), agent.name)
        self.command.setEditText(typed)
        if not typed and found and self.chosen_kind == "acp":
            self.command.setCurrentIndex(0)
            self._propose(found[0].name)
            self.said.say(f"Found on this computer: {', '.join(agent.title for agent in found)}.")

    def _propose(self, stem: str | None) -> None:
        """Call the agent as the program that was chosen."""
        self._stem = stem or ""
        self._propose_name()

    def _propose_name(self) -> None:
        if not self._named:
            stem = (self._stem if self.chosen_kind == "acp" else "") or LOOKS[self.chosen_kind].name
            names = [stem, *(f"{stem}-{number}" for number in range(2, 100))]
            self.name.setText(next(name for name in names if name not in self._taken))

    def _choose_script(self) -> None:
        dialog = QFileDialog(self, "Script", "", "JSON (*.json);;All files (*)")
        dialog.fileSelected.connect(self.script.setText)
        dialog.open()

    # what is asked of others

    def _list_models(self) -> None:
        """Ask the server which models it has; typing a name goes on meanwhile."""
        kind, url, key = self.chosen_kind, self.url.text().strip(), self.secret()
        if (kind == "openai-compatible" and not url) or (kind != "openai-compatible" and not key):
            return

        async def ask() -> list[str]:
            from app.agents.models import Endpoint
            from app.agents.offers import offered_models

            return await offered_models(kind, Endpoint("", url or None, key))

        self.desk.bridge.call(ask(), while_alive(self, self._take_models), while_alive(self, self.said.fail))

    def _take_models(self, names: list[str]) -> None:
        typed = self.model.currentText()
        self.model.clear()
        self.model.addItems(names)
        self.model.setEditText(typed or (names[0] if names else ""))
        self.said.say(
            f"The server has {counted(len(names), 'model')}." if names else "The server has no models yet.", "muted"
        )

    def _press_test(self) -> None:
        if self._testing is not None:
            self._testing.cancel()
            self._end_test()
            self.said.say("Stopped.")
            return
        config, key, desk = self.config(), self.secret(), self.desk

        async def ask() -> Tried:
            from app.agents.trying import try_agent

            backend = await (await desk.turns.agents.registry()).trial(config, key)
            return await try_agent(backend, desk.workspace.clock, seconds=TEST_SECONDS)

        self.test.setText("Stop")
        self.said.say(f"Asking {config.name} for one word…")
        self._testing = desk.bridge.call(
            ask(), while_alive(self, self._show_answer), while_alive(self, self._show_failure)
        )

    def _end_test(self) -> None:
        self._testing = None
        self.test.setText("&Test")

    def _show_answer(self, tried: Tried) -> None:
        self._end_test()
        if tried.models and self.chosen_kind == "acp":
            typed = self.model.currentText()
            self.model.clear()
            self.model.addItems(tried.models)
            self.model.setEditText(typed)
        self.said.say(answered(self.name.text(), tried), "done")

    def _show_failure(self, error: BaseException) -> None:
        self._end_test()
        self.said.fail(error)

    def take(self) -> None:
        """Keep the agent as it is described, or say in place why that cannot be."""
        config, key, desk = self.config(), self.secret(), self.desk

        async def add() -> str:
            await (await desk.turns.agents.registry()).add(config, key)
            return config.name

        def kept(name: str) -> None:
            self.key.clear()
            self._named = False
            self.said.say(f"{name} can answer now.", "done")
            desk.tell_configured("agents")
            self.kept.emit(name)

        desk.bridge.call(add(), while_alive(self, kept), while_alive(self, self.said.fail))


def command_words(line: str) -> tuple[str, ...]:
    """The program and arguments of a command line; one that is not closed right is a program of that name."""
    try:
        return tuple(shlex.split(line))
    except ValueError:
        return (line.strip(),)


def answered(name: str, tried: Tried) -> str:
    """What came of trying an agent, as a sentence."""
    words = one_line(tried.answer)[:MOST_ANSWER]
    said = f"“{words}”" if words else "with nothing"
    return f"{name} answers {said} after {tried.seconds:.1f} s."
