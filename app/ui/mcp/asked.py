"""What a server asks in the middle of a call, brought to the window and answered there."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QKeyEvent
from PySide6.QtWidgets import QFrame, QPushButton, QVBoxLayout, QWidget

from app.agents.mcp.consent import DECLINED, Elicitation, Elicited, Sampled, Sampling
from app.errors import UserError
from app.ui.desk import Desk
from app.ui.forms import Prose, Said, side_by_side
from app.ui.mcp.schema_form import SchemaForm

if TYPE_CHECKING:
    from asyncio import Future

SHOWN_CHARACTERS = 4_000


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that waits. agent: which would answer a `Sampling`. answer: gets an `Elicited`, or a yes or no."""

    wanted: Elicitation | Sampling
    agent: str
    answer: Future[Any]


class WindowConsent(QObject):
    """Asks in the window. `elicit` and `sample` run on the bridge's loop.

    asked: an `Asked`, on the main thread. withdrawn: the same one, nobody waits for it any more.
    """

    asked = Signal(object)
    withdrawn = Signal(object)

    def __init__(self, desk: Desk, parent: QObject) -> None:
        super().__init__(parent)
        self._desk = desk

    async def elicit(self, wanted: Elicitation) -> Elicited:
        """See `app.agents.mcp.consent.Consent`."""
        answer: Elicited = await self._ask(wanted, "")
        return answer

    async def sample(self, wanted: Sampling) -> Sampled | None:
        """See `app.agents.mcp.consent.Consent`: the default agent answers."""
        agents = self._desk.turns.agents
        name = (await agents.names())[0]
        if not await self._ask(wanted, name):
            return None
        from app.agents.mcp.sampling import answer_sampling

        return await answer_sampling(await agents.backend(name), wanted, self._desk.workspace.clock)

    async def _ask(self, wanted: Elicitation | Sampling, agent: str) -> Any:
        question = Asked(wanted, agent, asyncio.get_running_loop().create_future())
        self.asked.emit(question)
        try:
            return await question.answer
        finally:
            self.withdrawn.emit(question)

    def settle(self, question: Asked, value: object) -> None:
        """Give the person's answer, from the main thread."""

        def set_it() -> None:
            if not question.answer.done():
                question.answer.set_result(value)

        self._desk.bridge.loop.call_soon_threadsafe(set_it)


class AskedView(QFrame):
    """A question of a server, in place. Escape declines."""

    def __init__(self, consent: WindowConsent, question: Asked, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("question")
        self.question = question
        self._consent = consent
        wanted = question.wanted
        self.form = SchemaForm(wanted.schema, self) if isinstance(wanted, Elicitation) and not wanted.url else None
        self.said = Said(self)
        self.yes, self.no = QPushButton(_agreeing(question), self), QPushButton("Decline", self)
        self.yes.setProperty("primary", "true")
        text = Prose(_words(question), self)
        self.setAccessibleName(text.text())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 10, 12, 10)
        layout.setSpacing(10)
        for widget in (text, self.form, self.said):
            if widget is not None:
                layout.addWidget(widget)
        layout.addLayout(side_by_side(self.yes, self.no))
        self.yes.clicked.connect(lambda _checked: self._agree())
        self.no.clicked.connect(lambda _checked: self._decline())

    def _agree(self) -> None:
        wanted = self.question.wanted
        if isinstance(wanted, Sampling):
            self._settle(True)
            return
        try:
            values = self.form.arguments() if self.form is not None else None
        except UserError as error:
            self.said.fail(error)
            return
        if wanted.url:
            QDesktopServices.openUrl(QUrl(wanted.url))
        self._settle(Elicited("accept", values))

    def _decline(self) -> None:
        self._settle(False if isinstance(self.question.wanted, Sampling) else DECLINED)

    def _settle(self, value: object) -> None:
        self.setEnabled(False)
        self._consent.settle(self.question, value)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._decline()
        else:
            super().keyPressEvent(event)


def _words(question: Asked) -> str:
    wanted = question.wanted
    if isinstance(wanted, Sampling):
        text = wanted.text()
        shown = text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
        return f"{wanted.server} wants an answer of {question.agent} to:\n{shown}"
    page = f"\n{wanted.url}" if wanted.url else ""
    return f"{wanted.server} asks: {wanted.message}{page}"


def _agreeing(question: Asked) -> str:
    wanted = question.wanted
    if isinstance(wanted, Sampling):
        return f"Let {question.agent} answer".replace("&", "&&")
    return "Open the page" if wanted.url else "Send"
