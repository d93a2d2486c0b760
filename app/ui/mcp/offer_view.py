"""One tool, resource or prompt: what it is, its form, and what came of using it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.errors import UserError
from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.forms import Heading, Prose, Said, Working, clear, side_by_side
from app.ui.mcp.asked import Asked, AskedView, WindowConsent
from app.ui.mcp.offers import Offer
from app.ui.mcp.schema_form import JsonText, SchemaForm
from app.ui.mcp.words import called_words
from app.ui.places import SessionPlace
from app.ui.servers import Wanted

if TYPE_CHECKING:
    from app.agents.mcp.calling import Called

PART = 11.0
_WIDTH = 760
_RESULT_HEIGHT = 220
_VERBS = {"tool": "Call", "resource": "Read", "prompt": "Get"}


class OfferView(QScrollArea):
    """Runs one call at a time; what is shown meanwhile may be another offer. used: a call has ended."""

    used = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.server = ""
        self.offer: Offer | None = None
        self.form: SchemaForm | None = None
        self.consent = WindowConsent(desk, self)
        self.called: Called | None = None
        self.question: AskedView | None = None
        self._call: Future[Any] | None = None
        self.title, self.about = Heading("", desk.themes, parent=self), Prose("", self)
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setWordWrap(True)
        self.run, self.show_event = QPushButton("Call", self), QPushButton("Show in session", self)
        self.run.setProperty("primary", "true")
        self.working, self.said = Working("Calling", self), Said(self)
        self.result = JsonText()
        self._form_place, self._question_place = QVBoxLayout(), QVBoxLayout()
        self._arrange()
        self._connect()

    def _arrange(self) -> None:
        self.result.setReadOnly(True)
        self.result.setAccessibleName("Result")
        self.result.setMinimumHeight(_RESULT_HEIGHT)
        page = QWidget(self)
        page.setObjectName("page")
        inner = QWidget(page)
        inner.setMaximumWidth(_WIDTH)
        body = QVBoxLayout(inner)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(12)
        body.addWidget(self.title)
        body.addWidget(self.about)
        body.addLayout(self._form_place)
        body.addLayout(side_by_side(self.run, self.show_event))
        body.addWidget(self.working)
        body.addLayout(self._question_place)
        body.addWidget(self.said)
        body.addWidget(self.result)
        outer = QVBoxLayout(page)
        outer.setContentsMargins(32, 24, 32, 32)
        outer.addWidget(inner)
        outer.addStretch()
        self.setWidget(page)
        for widget in (self.run, self.show_event, self.result):
            widget.hide()

    def _connect(self) -> None:
        self.run.clicked.connect(lambda _checked: self.use())
        self.working.stop.clicked.connect(lambda _checked: self.stop())
        self.show_event.clicked.connect(lambda _checked: self._go_to_event())
        self.consent.asked.connect(self._ask)
        self.consent.withdrawn.connect(self._withdraw)

    @property
    def is_busy(self) -> bool:
        """Whether a call runs."""
        return self._call is not None

    def show_text(self, text: str, level: str = "muted") -> None:
        """Nothing can be used; say why."""
        self._show_form(None)
        self.title.setText("")
        self.about.setText("")
        self.said.say(text, "failed" if level == "failed" else "muted")

    def show_offer(self, server: str, offer: Offer) -> None:
        """Show an offer with an empty form."""
        self.server, self.offer = server, offer
        self.title.setText(offer.title)
        self.title.setAccessibleName(f"{offer.kind.capitalize()} {offer.title} of {server}")
        self.about.setText(offer.description)
        self.run.setText(_VERBS[offer.kind])
        self.run.setAccessibleName(f"{_VERBS[offer.kind]} {offer.title}")
        self._show_form(SchemaForm(offer.schema) if offer.kind != "resource" else None)
        self.run.show()
        self.run.setEnabled(not self.is_busy)
        self.said.say("")

    def _show_form(self, form: SchemaForm | None) -> None:
        clear(self._form_place)
        self.form = form
        if form is not None:
            self._form_place.addWidget(form)
        for widget in (self.run, self.show_event, self.result):
            widget.hide()

    def use(self) -> None:
        """Do the call with what was entered, or say in place what does not fit."""
        if self.is_busy or self.offer is None:
            return
        try:
            arguments = self.form.arguments() if self.form is not None else {}
        except UserError as error:
            self.said.fail(error)
            return
        offer = self.offer
        wanted = Wanted(self.server, offer.kind, offer.name, offer.title, arguments)
        self.said.say("")
        self.run.setEnabled(False)
        self.working.begin(f"{offer.title} of {self.server}…")
        self._call = self.desk.bridge.call(
            self.desk.turns.servers.call(wanted, self.consent, self._tell()),
            while_alive(self, self._take),
            while_alive(self, self._fail),
        )

    def stop(self) -> None:
        """Cancel the call that runs."""
        if self._call is not None:
            self._call.cancel()
            self._end()
            self.said.say("Cancelled.")

    def _tell(self) -> Callable[[float, float | None, str], None]:
        """Brings progress to the main thread."""
        bridge, key = self.desk.bridge, f"progress of {id(self)}"
        bridge.receive(key, while_alive(self, self._progress))
        return lambda done, total, said: bridge.publish(key, (done, total, said))

    def _progress(self, step: tuple[float, float | None, str]) -> None:
        done, total, said = step
        if self.is_busy:
            share = min(max(done / total, 0.0), 1.0) if total and total > 0 else 0.0
            self.working.show_progress(round(share * 1000), 1000 if share else 0)
            if said:
                self.working.word.setText(said)

    def _take(self, called: Called) -> None:
        self._end()
        self.called = called
        failed = called.answer is None or called.answer.is_error
        self.said.say(called_words(called), "failed" if failed else "done")
        self.show_event.show()
        if called.answer is not None:
            self.result.setPlainText(called.answer.text() or "(nothing)")
            self.result.show()
        self.used.emit()

    def _fail(self, error: BaseException) -> None:
        self._end()
        self.said.fail(error)

    def _end(self) -> None:
        self._call = None
        self.working.hide()
        self.run.setEnabled(True)

    def _ask(self, question: Asked) -> None:
        clear(self._question_place)
        self.question = AskedView(self.consent, question)
        self._question_place.addWidget(self.question)
        self.question.no.setFocus()

    def _withdraw(self, question: Asked) -> None:
        if self.question is not None and self.question.question is question:
            clear(self._question_place)
            self.question = None

    def _go_to_event(self) -> None:
        if self.called is not None:
            self.desk.go(SessionPlace(self.called.session, self.called.event))
