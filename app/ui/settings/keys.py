"""Keys: the ways in which the database can be opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.sessions.redaction.capture import CAPTURE_SETTING
from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.forms import Prose, Question, Said, labelled, refill, side_by_side
from app.ui.settings.page import Page
from app.ui.theme import mono_font

if TYPE_CHECKING:
    from app.commands.keys import Keys
    from sync.store.keyslots import SlotState

_NAMES = {"keyring": "This computer’s keyring", "passphrase": "Passphrase", "recovery": "Recovery code"}
_LOST = {
    "keyring": "Backups that have no other way to be opened are lost with it. Take the keyring’s way away?",
    "passphrase": "Nothing opens with the passphrase any more. Take it away?",
    "recovery": "The code on paper opens nothing any more. Take it away?",
}
_ON_PAPER = (
    "Write this code down and keep it away from this computer. It opens your sessions when keyring and passphrase are "
    "lost; whoever has it and your data can read everything. It is not shown again."
)
_KEPT_OUT = (
    "Keys, tokens and passwords that are recognised become placeholders before anything is stored or shared; you can "
    "reveal them on this device. What is captured while this is off keeps them for good."
)
CODE_SIZE = 13.0


class SlotRow(QFrame):
    """One way to open the database."""

    def __init__(self, page: KeysPage, state: SlotState) -> None:
        super().__init__(page)
        self.setObjectName("card")
        name = _NAMES[state.kind]
        self.setAccessibleName(name)
        title = QLabel(name, self)
        title.setProperty("role", "title")
        about = Prose(state.message, self)
        if state.opens is False:
            about.setProperty("role", "failed")
        self.question = Question(self)
        self.remove = QPushButton("Remove…", self)
        self.remove.setAccessibleName(f"Remove: {name}")
        upper = QHBoxLayout()
        upper.addWidget(title, 1)
        upper.addWidget(self.remove)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 10, 10, 12)
        layout.setSpacing(4)
        layout.addLayout(upper)
        layout.addWidget(about)
        layout.addWidget(self.question)
        self.remove.clicked.connect(
            lambda _checked: self.question.ask(_LOST[state.kind], "Remove", lambda: page.remove(state))
        )


class KeysPage(Page):
    """rows: one for each way. The code is on the page from being made until it counts or the page is left."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, "Keys", "How your sessions, encrypted on this computer, are opened.", parent)
        self.rows: list[SlotRow] = []
        self._list = QVBoxLayout()
        self._list.setSpacing(8)
        self.state, self.said = Prose("", self), Said(self)
        self.keyring = QPushButton("Let this computer’s keyring open them", self)
        self.current, self.new, self.again = (QLineEdit(self) for _ in range(3))
        for field in (self.current, self.new, self.again):
            field.setEchoMode(QLineEdit.EchoMode.Password)
        self.change, self.passphrase_said = QPushButton("&Change the passphrase", self), Said(self)
        self.make, self.recovery_said = QPushButton("&Make a recovery code", self), Said(self)
        self.code, self.typed = QLineEdit(self), QLineEdit(self)
        self.keep, self.forget = QPushButton("&It is written down", self), QPushButton("&Do not use it", self)
        self.kept_out = QCheckBox("Keep &secrets out of what is captured", self)
        self.keyring.hide()
        self._arrange()
        self._connect()

    def _arrange(self) -> None:
        self.add(self.state, self._list, side_by_side(self.keyring), self.said)
        self.part("Passphrase", "Asked for when Lovelace starts and the keyring does not open; nobody can recover it.")
        self._now = labelled("&Now", self.current, "The passphrase as it is, or the recovery code.")
        self.add(self._now, labelled("N&ew", self.new), labelled("&Again", self.again))
        self.add(side_by_side(self.change), self.passphrase_said)
        self.part("Recovery code", "A code on paper for the day when everything else is lost.")
        self.code.setReadOnly(True)
        self.code.setFont(mono_font(CODE_SIZE))
        self.desk.themes.changed.connect(self._take_fonts)
        self.code.setAccessibleName("Recovery code")
        self._paper = QWidget(self)
        paper = QVBoxLayout(self._paper)
        paper.setContentsMargins(0, 0, 0, 0)
        paper.setSpacing(8)
        paper.addWidget(self.code)
        paper.addWidget(Prose(_ON_PAPER))
        paper.addWidget(labelled("&Type it again", self.typed, "As you wrote it down."))
        paper.addLayout(side_by_side(self.keep, self.forget))
        self._paper.hide()
        self.add(side_by_side(self.make), self._paper, self.recovery_said)
        self.part("Secrets in sessions", _KEPT_OUT)
        self.add(self.kept_out)

    def _take_fonts(self, _theme: object) -> None:
        self.code.setFont(mono_font(CODE_SIZE))

    def _connect(self) -> None:
        self.keyring.clicked.connect(lambda _checked: self._add_keyring())
        self.change.clicked.connect(lambda _checked: self._change())
        self.again.returnPressed.connect(self._change)
        self.make.clicked.connect(lambda _checked: self._make())
        self.keep.clicked.connect(lambda _checked: self._keep())
        self.typed.returnPressed.connect(self._keep)
        self.forget.clicked.connect(lambda _checked: self._forget())
        self.kept_out.clicked.connect(self._keep_out)

    def _keep_out(self, wanted: bool) -> None:
        self.desk.write(lambda operations: operations.set_setting(CAPTURE_SETTING, None if wanted else False))

    def shown(self) -> None:
        self.kept_out.setChecked(self.desk.workspace.settings.get(CAPTURE_SETTING) is not False)
        self._do(lambda keys: keys.states(), self._show, self.said)

    def _do(self, work: Callable[[Keys], Any], then: Callable[[Any], None], said: Said) -> None:
        """Something with the keys, off the main thread."""
        workspace = self.desk.workspace

        def run() -> Any:
            from app.commands.keys import Keys

            return work(Keys.of(workspace))

        self.desk.bridge.compute(run, while_alive(self, then), while_alive(self, said.fail))

    def _show(self, states: list[SlotState]) -> None:
        self.rows = [SlotRow(self, state) for state in states]
        for row in self.rows:
            row.remove.setEnabled(len(states) > 1)
            row.remove.setToolTip("" if len(states) > 1 else "It is the only way; add another one first")
        refill(self._list, self.rows)
        kinds = [state.kind for state in states]
        opens = any(state.opens for state in states)
        words = "They open without asking." if opens else "Lovelace asks when it starts."
        only = " There is only one way to open them: make a recovery code." if len(states) == 1 else ""
        self.state.setText(words + only)
        self.keyring.setVisible("keyring" not in kinds)
        self._now.setVisible("passphrase" in kinds)
        self.change.setText("&Change the passphrase" if "passphrase" in kinds else "&Add a passphrase")

    def remove(self, state: SlotState) -> None:
        """Take a way away; the person said yes."""

        def removed(remark: str) -> None:
            self.said.say(f"{_NAMES[state.kind]}: taken away. {remark}".strip())
            self.shown()

        self._do(lambda keys: keys.remove(state.kind), removed, self.said)

    def _add_keyring(self) -> None:
        def added(_nothing: None) -> None:
            self.said.say("This computer’s keyring opens them now.", "done")
            self.shown()

        self._do(lambda keys: keys.add_keyring(), added, self.said)

    # passphrase

    def _change(self) -> None:
        new, current = self.new.text(), self.current.text()
        if new != self.again.text():
            self.passphrase_said.say("The two new passphrases differ; nothing was changed.", "failed")
            return
        self.passphrase_said.say("One moment…")
        self._do(lambda keys: keys.set_passphrase(new, current), self._changed, self.passphrase_said)

    def _changed(self, _nothing: None) -> None:
        for field in (self.current, self.new, self.again):
            field.clear()
        self.passphrase_said.say("The passphrase is set. Older backups still open with the old one.", "done")
        self.shown()

    # recovery code

    def _make(self) -> None:
        def made(code: str) -> None:
            self.code.setText(code)
            self._paper.show()
            self.make.hide()
            self.typed.setFocus()

        self.recovery_said.say("")
        self._do(lambda keys: keys.new_code(), made, self.recovery_said)

    def _keep(self) -> None:
        code, typed = self.code.text(), self.typed.text()

        def kept(_nothing: None) -> None:
            self._clear_paper()
            self.recovery_said.say("The recovery code opens your sessions now.", "done")
            self.shown()

        self._do(lambda keys: keys.keep_code(code, typed), kept, self.recovery_said)

    def _forget(self) -> None:
        self._clear_paper()
        self.recovery_said.say("The code counts for nothing.")

    def _clear_paper(self) -> None:
        self.code.clear()
        self.typed.clear()
        self._paper.hide()
        self.make.show()

    def hideEvent(self, event: QHideEvent) -> None:
        self._clear_paper()
        super().hideEvent(event)
