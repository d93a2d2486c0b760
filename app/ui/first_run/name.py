"""Step 1: who you are. The keys were made when the home was; nothing is asked about them."""

from __future__ import annotations

from PySide6.QtWidgets import QLineEdit

from app.ui.desk import Desk
from app.ui.first_run.step import Step, Then
from app.ui.forms import Prose, labelled
from app.workspace import NAME_SETTING


class NameStep(Step):
    """The person's name, which stands at what they write."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(
            desk,
            "Welcome to Lovelace",
            "Everything you and your agents do together, in one place that is yours. What should it call you?",
        )
        self.name = QLineEdit(desk.me, self)
        self.body.addWidget(labelled("Your &name", self.name, "Others see it once you share something."))
        self.body.addSpacing(8)
        self.body.addWidget(
            Prose(
                f"Your sessions are kept encrypted on this computer, in {desk.workspace.home}. Their keys have been "
                "made. A recovery code for the day the computer is lost can be made later: Settings, Keys."
            )
        )
        self.body.addWidget(self.said)

    def begin(self) -> None:
        self.name.setFocus()
        self.name.selectAll()

    def take(self, then: Then) -> None:
        name = " ".join(self.name.text().split())
        if not name:
            self.said.say("Write a name, or skip this step.", "failed")
            return

        def kept(_nothing: None) -> None:
            self.desk.tell_configured("name")
            then()

        self.desk.write(lambda operations: operations.set_setting(NAME_SETTING, name), kept, self.said.fail)
