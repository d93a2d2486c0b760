"""Agents and models: who can answer, who does by default, and the model that runs on this computer."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.ui import kept
from app.ui.agent_form import LOOKS, AgentForm, answered
from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.embedded_model import EmbeddedModel
from app.ui.forms import Prose, Question, Said, refill
from app.ui.settings.page import Page

if TYPE_CHECKING:
    from app.agents.registry import AgentConfig
    from app.agents.trying import Tried

_ALWAYS = {
    "local": "The embedded model; it runs on this computer and nothing leaves it",
    "scripted": "Plays a fixed script; for trying things out",
}


@dataclass(frozen=True, slots=True)
class AgentRow:
    """An agent in the list."""

    config: AgentConfig
    default: bool
    has_key: bool

    @property
    def is_own(self) -> bool:
        """Whether the person added it."""
        return self.config.name not in _ALWAYS

    def detail(self) -> str:
        """What it is, in a line."""
        if not self.is_own:
            return _ALWAYS[self.config.name]
        where = (
            self.config.url or self.config.script or shlex.join(self.config.command) or LOOKS[self.config.kind].title
        )
        parts = [where, self.config.model or "", "key in the keyring" if self.has_key else ""]
        return " · ".join(part for part in parts if part)


class AgentCard(QFrame):
    """One agent, with what can be done about it."""

    def __init__(self, page: AgentsPage, row: AgentRow) -> None:
        super().__init__(page)
        self.row = row
        self._page = page
        name = row.config.name
        self.setObjectName("card")
        self.setAccessibleName(f"Agent {name}" + (", the default" if row.default else ""))
        title = QLabel(name, self)
        title.setProperty("role", "title")
        star = QLabel("answers by default" if row.default else "", self)
        star.setProperty("role", "done")
        detail = Prose(row.detail(), self)
        self.said, self.question = Said(self), Question(self)
        self.test, self.default, self.remove = (
            self._button(word, f"{word} {name}") for word in ("Test", "Make default", "Remove")
        )
        self.default.setVisible(not row.default)
        self.remove.setVisible(row.is_own)
        upper = QHBoxLayout()
        upper.setSpacing(8)
        for widget in (title, star):
            upper.addWidget(widget)
        upper.addStretch()
        for button in (self.default, self.test, self.remove):
            upper.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 10, 10, 12)
        layout.setSpacing(4)
        layout.addLayout(upper)
        layout.addWidget(detail)
        layout.addWidget(self.said)
        layout.addWidget(self.question)
        self.test.clicked.connect(lambda _checked: self._test())
        self.default.clicked.connect(lambda _checked: page.choose_default(name))
        self.remove.clicked.connect(lambda _checked: self._ask_to_remove())

    def _button(self, word: str, name: str) -> QPushButton:
        button = QPushButton(word, self)
        button.setAccessibleName(name)
        return button

    def _test(self) -> None:
        desk, name = self._page.desk, self.row.config.name

        async def ask() -> Tried:
            from app.agents.trying import try_agent

            return await try_agent(await desk.turns.agents.backend(name), desk.workspace.clock)

        def settle(say: partial[None]) -> None:
            self.test.setEnabled(True)
            say()

        self.test.setEnabled(False)
        self.said.say("Asking for one word…")
        desk.bridge.call(
            ask(),
            while_alive(self, lambda tried: settle(partial(self.said.say, answered(name, tried), "done"))),
            while_alive(self, lambda error: settle(partial(self.said.fail, error))),
        )

    def _ask_to_remove(self) -> None:
        name = self.row.config.name
        key = " and its key" if self.row.has_key else ""
        self.question.ask(f"Forget {name}{key}? Sessions stay.", "Forget", lambda: self._page.remove_agent(name))


class AgentsPage(Page):
    """cards: one for each agent, the default first."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, "Agents and models", "Who can answer. The first is asked where you name none.", parent)
        self.cards: list[AgentCard] = []
        self._list = QVBoxLayout()
        self._list.setSpacing(8)
        self.said = Said(self)
        self.add(self._list, self.said)
        self.model = EmbeddedModel(desk, self)
        self.part("Model on this computer")
        self.add(self.model)
        self.form = AgentForm(desk, parent=self)
        self.part("Add an agent")
        self.add(self.form)
        self.titles = QCheckBox("&Propose titles for new sessions", self)
        self.titles.setAccessibleDescription("After the first answer, the session's own agent is asked for a title")
        self.part("Sessions")
        self.add(self.titles, Prose("After the first answer, the session’s own agent is asked for a title."))
        self.titles.clicked.connect(self._keep_titles)
        self.summaries = QCheckBox("&Sum up sessions that came to rest", self)
        self.summaries.setAccessibleDescription("The session's own agent is asked for two or three sentences")
        self.add(
            self.summaries,
            Prose("When a session is archived, ends, or has rested for a while, its own agent says what it came to."),
        )
        self.summaries.clicked.connect(self._keep_summaries)
        desk.requests.configured.connect(self._take_part)

    def shown(self) -> None:
        from app.agents import session_summary, titles
        from app.agents.registry import KEYLESS

        desk = self.desk

        async def look() -> list[AgentRow]:
            registry = await desk.turns.agents.registry()
            names = await registry.names()
            configs = [await registry.config(name) for name in names]
            keyed = [c.kind not in KEYLESS and await registry.has_key(c.name) for c in configs]
            return [AgentRow(c, n == 0, key) for n, (c, key) in enumerate(zip(configs, keyed, strict=True))]

        desk.bridge.call(look(), while_alive(self, self._show), while_alive(self, self.said.fail))
        for box, setting in ((self.titles, titles.SETTING), (self.summaries, session_summary.SETTING)):
            box.setChecked(desk.workspace.settings.get(setting, True) is not False)
        self.model.look()

    def _take_part(self, part: str) -> None:
        if part == "agents":
            self.shown()

    def _show(self, rows: list[AgentRow]) -> None:
        if [card.row for card in self.cards] == rows:
            return
        self.cards = [AgentCard(self, row) for row in rows]
        refill(self._list, self.cards)
        self.form.set_taken(frozenset(row.config.name for row in rows))

    def choose_default(self, name: str) -> None:
        """Make an agent the one that is asked where none is named."""
        desk = self.desk

        async def choose() -> None:
            await (await desk.turns.agents.registry()).choose_default(name)

        def chosen(_nothing: None) -> None:
            # The composer's last choice must not stand against it.
            desk.keep_setting(kept.AGENT, name, lambda _nothing: desk.tell_configured("agents"))

        desk.bridge.call(choose(), while_alive(self, chosen), while_alive(self, self.said.fail))

    def remove_agent(self, name: str) -> None:
        """Forget an agent and its key."""
        desk = self.desk

        async def remove() -> None:
            await (await desk.turns.agents.registry()).remove(name)

        def removed(_nothing: None) -> None:
            self.said.say(f"{name} is forgotten.")
            desk.tell_configured("agents")

        desk.bridge.call(remove(), while_alive(self, removed), while_alive(self, self.said.fail))

    def _keep_titles(self, wanted: bool) -> None:
        from app.agents.titles import SETTING

        self._keep_setting(SETTING, wanted)

    def _keep_summaries(self, wanted: bool) -> None:
        from app.agents.session_summary import SETTING

        self._keep_setting(SETTING, wanted)

    def _keep_setting(self, name: str, wanted: bool) -> None:
        self.desk.write(
            lambda operations: operations.set_setting(name, None if wanted else False), failed=self.said.fail
        )
