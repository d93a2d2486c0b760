"""Memory: what the workspace in front remembers, and what agents propose that it should."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QLabel, QPlainTextEdit, QPushButton, QSizePolicy, QWidget

from app.ui.ages import ago
from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.forms import Prose, labelled, side_by_side
from app.ui.peers.card import Card
from app.ui.peers.page import CardList, PeerPage
from app.ui.places import SessionPlace
from app.ui.words import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.sessions.memory import FactKind
    from app.sessions.memory_queries import FactRow
    from app.sessions.operations import SessionOperations

FIELD_LINES = 3
_ABOUT = (
    "Facts and decisions that agents are given with a prompt, those that have most to do with it first. They belong to "
    "the workspace: its members and your other devices have them too. What an agent proposes counts once you accept it."
)


class FactCard(Card):
    """One fact, with where it comes from and what can be done about it."""

    def __init__(self, page: MemoryPage, row: FactRow, now: int) -> None:
        fact = row.fact
        called = "Decision" if fact.kind == "decision" else "Fact"
        super().__init__(called, f"{called}: {one_line(fact.text)[:80]}", "proposed" if row.to_decide else "", page)
        self.row, self._page = row, page
        self.text = QLabel(fact.text, self)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setWordWrap(True)
        self.text.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.body.addWidget(self.text)
        self.add_line(fact_words(row, now))
        self.field: QPlainTextEdit | None = None
        if fact.session is not None and row.title is not None:
            self.show_source = self.add_button("Show", self._show_source, f"Show where it comes from: {self._name}")
        self.edit = self.add_button("Edit", self._begin_edit)
        self.forget = self.add_button("Dismiss" if fact.state == "proposed" else "Forget", self._forget)
        if row.to_decide:
            self.accept = self.add_button("Accept", self._accept)

    def is_busy(self) -> bool:
        return self.field is not None or super().is_busy()

    def _show_source(self) -> None:
        assert self.row.fact.session is not None
        self._page.desk.go(SessionPlace(self.row.fact.session, self.row.fact.event))

    def _accept(self) -> None:
        fact = self.row.fact.id
        self._page.change(self, lambda operations: operations.accept_fact(fact))

    def _forget(self) -> None:
        fact = self.row.fact.id
        self._page.change(self, lambda operations: operations.forget_fact(fact))

    def _begin_edit(self) -> None:
        if self.field is not None:
            return
        self.field = text_field(f"Text of {self._name}", self.row.fact.text)
        self.save, self.leave = QPushButton("Save", self), QPushButton("Cancel", self)
        self.text.hide()
        self.body.insertWidget(2, self.field)
        self._buttons = side_by_side(self.save, self.leave)
        self.body.insertLayout(3, self._buttons)
        self.save.clicked.connect(lambda _checked: self._save())
        self.leave.clicked.connect(lambda _checked: self._page.anew(self))
        self.field.setFocus()

    def _save(self) -> None:
        assert self.field is not None
        fact, text = self.row.fact, self.field.toPlainText()
        self._page.change(self, lambda operations: operations.edit_fact(fact.id, text, base=fact.text))


class MemoryPage(PeerPage):
    """text, decision, keep: a new fact. proposals, remembered: the cards."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, "Memory", _ABOUT, parent)
        self.text = text_field("What to remember")
        self.decision = QCheckBox("It is a &decision", self)
        self.keep = QPushButton("&Remember", self)
        self.proposals, self.remembered = CardList(), CardList()
        self.nothing = Prose("Nothing is remembered yet.", self)
        self.nothing.hide()
        self.add(labelled("&New", self.text), side_by_side(self.keep, self.decision), self.said)
        self.add(self.proposals.layout)
        self.part("Remembered")
        self.add(self.remembered.layout, self.nothing)
        self.keep.clicked.connect(lambda _checked: self._remember())

    @property
    def cards(self) -> list[FactCard]:
        """Those that are shown, proposals first."""
        return [card for card in (*self.proposals.cards, *self.remembered.cards) if isinstance(card, FactCard)]

    def shown(self) -> None:
        workspace = self.desk.workspace
        self.look(lambda: workspace.read(lambda queries: queries.facts()), self._show)

    def _show(self, rows: list[FactRow]) -> None:
        now = self.desk.now()
        for cards, part in (
            (self.proposals, [row for row in rows if row.fact.state == "proposed"]),
            (self.remembered, [row for row in rows if row.fact.state == "accepted"]),
        ):
            facts = [(row, fact_words(row, now)) for row in part]
            cards.show(facts, lambda place, part=part: FactCard(self, part[place], now))  # type: ignore[misc]
        self.nothing.setVisible(not self.remembered.cards)

    def change(self, card: FactCard, operation: Callable[[SessionOperations], object]) -> None:
        """Do something about a fact, then show what came of it."""
        self.desk.write(operation, while_alive(self, lambda _done: self.anew(card)), while_alive(card, card.said.fail))

    def anew(self, card: FactCard) -> None:
        """A card's editing is over, or its fact is another now."""
        card.field = None
        self.proposals.forget()
        self.remembered.forget()
        self.shown()

    def _remember(self) -> None:
        text = self.text.toPlainText()
        kind: FactKind = "decision" if self.decision.isChecked() else "fact"

        def kept(_fact: str) -> None:
            self.text.clear()
            self.decision.setChecked(False)
            self.said.say("Remembered.", "done")
            self.shown()

        self.desk.write(
            lambda operations: operations.remember(text, kind),
            while_alive(self, kept),
            while_alive(self, self.said.fail),
        )


def text_field(name: str, text: str = "") -> QPlainTextEdit:
    """A field for a few sentences; Tab leaves it."""
    field = QPlainTextEdit(text)
    field.setAccessibleName(name)
    field.setProperty("role", "field")
    field.setTabChangesFocus(True)
    field.setFixedHeight(field.fontMetrics().lineSpacing() * FIELD_LINES + 24)
    return field


def fact_words(row: FactRow, now: int) -> str:
    """Who said a fact, when and where, and who changed it since."""
    fact = row.fact
    author = one_line(row.author) or "somebody"
    who = author if fact.agent is None else f"{one_line(fact.agent)} for {author}"
    pieces = [
        f"{'proposed by ' if fact.agent else ''}{who} {ago(fact.written.time, now)}",
        f"in {one_line(row.title)}" if row.title else "",
        f"edited by {one_line(row.editor) or 'somebody'} {ago(fact.edited.time, now)}" if fact.edited else "",
        "waits for them to accept it" if fact.state == "proposed" and not row.is_mine else "",
    ]
    return " · ".join(piece for piece in pieces if piece)
