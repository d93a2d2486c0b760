"""Step 2: who answers. What is on this computer already comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from PySide6.QtWidgets import QButtonGroup, QPushButton, QRadioButton, QVBoxLayout, QWidget

from app.ui.agent_form import AgentForm, answered
from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.embedded_model import EmbeddedModel
from app.ui.first_run.step import Step, Then
from app.ui.forms import Said, side_by_side
from app.ui.words import counted

if TYPE_CHECKING:
    from app.agents.trying import Tried

Choice = Literal["local", "ollama", "openai-compatible", "anthropic", "openai"]
_WORDS: dict[Choice, str] = {
    "local": "The model on this comp&uter",
    "ollama": "&Ollama on this computer",
    "openai-compatible": "Another &server",
    "anthropic": "&Anthropic, with a key",
    "openai": "O&penAI, with a key",
}
_CAUTION = "It is small: good for questions and summaries, less for long work. Nothing leaves this computer."


class LocalChoice(QWidget):
    """The embedded model: here or to be fetched, and tried."""

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk = desk
        self.model = EmbeddedModel(desk, self)
        self.said = Said(self)
        self.said.say(_CAUTION)
        self.test = QPushButton("&Test", self)
        self.test.setAccessibleName("Test the model on this computer")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.model)
        layout.addLayout(side_by_side(self.test))
        layout.addWidget(self.said)
        self.test.clicked.connect(lambda _checked: self._try())
        self.model.looked.connect(self.test.setVisible)
        self.test.hide()

    def _try(self) -> None:
        desk = self._desk

        async def ask() -> Tried:
            from app.agents.trying import try_agent

            return await try_agent(await desk.turns.agents.backend("local"), desk.workspace.clock)

        self.test.setEnabled(False)
        self.said.say("Asking for one word; the model is loaded first…")
        desk.bridge.call(ask(), while_alive(self, self._answered), while_alive(self, self._failed))

    def _answered(self, tried: Tried) -> None:
        self.test.setEnabled(True)
        self.said.say(answered("The model", tried), "done")

    def _failed(self, error: BaseException) -> None:
        self.test.setEnabled(True)
        self.said.fail(error)


class AnsweringStep(Step):
    """choices: those that are offered; what each needs is shown below when it is chosen."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, "Who answers?", "Choose one to begin with; more can be added later.")
        self.choices: dict[Choice, QRadioButton] = {}
        self.local = LocalChoice(desk, self)
        self.form = AgentForm(desk, parent=self)
        self.form.show_only_fields()
        self._group = QButtonGroup(self)
        for choice, words in _WORDS.items():
            button = self.choices[choice] = QRadioButton(words, self)
            button.toggled.connect(lambda on, chosen=choice: self._show(chosen) if on else None)
            self._group.addButton(button)
            self.body.addWidget(button)
        self.choices["ollama"].hide()
        self.body.addSpacing(4)
        self.body.addWidget(self.local)
        self.body.addWidget(self.form)
        self.body.addWidget(self.said)
        self._then: Then | None = None
        self._models: list[str] = []
        self.form.kept.connect(self._kept)
        self.choices["local"].setChecked(True)
        self.local.model.looked.connect(self._show_model)
        self._look()

    @property
    def choice(self) -> Choice:
        """What is chosen."""
        return next(choice for choice, button in self.choices.items() if button.isChecked())

    def begin(self) -> None:
        self.choices[self.choice].setFocus()

    def take(self, then: Then) -> None:
        if self.choice == "local":
            if self.local.model.is_here or self.local.model.is_fetching:
                then()
            else:
                self.said.say("Fetch the model first, choose another answer, or skip this step.", "failed")
            return
        self._then = then
        self.form.take()

    def _kept(self, _name: str) -> None:
        then, self._then = self._then, None
        if then is not None:
            then()

    def _show(self, choice: Choice) -> None:
        self.said.say("")
        self.local.setVisible(choice == "local")
        self.form.setVisible(choice != "local")
        if choice == "ollama":
            from app.agents.offers import OLLAMA

            self.form.fill(url=OLLAMA, models=self._models, name="ollama")
        elif choice != "local":
            self.form.begin(choice)

    # what is on this computer

    def _look(self) -> None:
        self.local.model.look()

        async def ask() -> list[str]:
            from app.agents.models import Endpoint
            from app.agents.offers import OLLAMA, PROBING_SECONDS, offered_models

            return await offered_models("openai-compatible", Endpoint("", OLLAMA), seconds=PROBING_SECONDS)

        self.desk.bridge.call(ask(), while_alive(self, self._found), lambda _nobody_there: None)

    def _show_model(self, is_here: bool) -> None:
        words = "recommended, nothing to set up" if is_here else "to be fetched once"
        self.choices["local"].setText(f"{_WORDS['local']}: {words}")

    def _found(self, models: list[str]) -> None:
        self._models = models
        self.choices["ollama"].setText(f"{_WORDS['ollama']} ({counted(len(models), 'model')})")
        self.choices["ollama"].setVisible(bool(models))
