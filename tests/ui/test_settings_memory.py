"""Settings: what the workspace remembers is read, added to, edited, accepted and forgotten."""

from __future__ import annotations

from app.sessions.memory_queries import FactRow
from app.ui.places import SessionPlace
from app.ui.settings.memory import MemoryPage, fact_words
from tests.ui.settings_home import SettingsRoom


def page_of(here: SettingsRoom, count: int = 0) -> MemoryPage:
    page = here.page("memory", MemoryPage)
    here.until(lambda: len(page.cards) == count and (count > 0 or page.nothing.isVisible()))
    return page


def facts(here: SettingsRoom) -> list[FactRow]:
    return here.workspace.read(lambda queries: queries.facts())


def proposed(here: SettingsRoom) -> str:
    session = here.workspace.write(lambda operations: operations.create(title="Work"))
    here.workspace.write(
        lambda operations: operations.propose_fact("We use tabs.", "decision", agent="Coder", session=session)
    )
    return session


def test_something_is_remembered_and_forgotten(here: SettingsRoom) -> None:
    page = page_of(here)
    page.text.setPlainText("The office has two floors.")
    page.decision.setChecked(True)
    page.keep.click()
    here.until(lambda: len(page.cards) == 1)
    assert (page.text.toPlainText(), page.decision.isChecked(), page.nothing.isVisible()) == ("", False, False)
    [row] = facts(here)
    assert (row.fact.text, row.fact.kind, row.fact.state) == ("The office has two floors.", "decision", "accepted")
    page.cards[0].forget.click()
    here.until(lambda: not page.cards and page.nothing.isVisible())
    assert facts(here) == []


def test_nothing_is_not_remembered(here: SettingsRoom) -> None:
    page = page_of(here)
    page.keep.click()
    here.until(lambda: "empty" in page.said.text())


def test_a_proposal_is_shown_with_its_source_and_accepted(here: SettingsRoom) -> None:
    session = proposed(here)
    page = page_of(here, 1)
    [card] = page.cards
    assert "proposed by Coder for " in fact_words(card.row, here.desk.now())
    card.show_source.click()
    [place] = [place for place in here.went if isinstance(place, SessionPlace)]
    assert place.session == session
    card.accept.click()
    here.until(lambda: len(page.remembered.cards) == 1)
    assert [row.fact.state for row in facts(here)] == ["accepted"]
    assert not page.proposals.cards


def test_an_edit_keeps_what_others_changed_meanwhile(here: SettingsRoom) -> None:
    fact = here.workspace.write(lambda operations: operations.remember("We use tabs for code."))
    page = page_of(here, 1)
    [card] = page.cards
    card.edit.click()
    assert card.field is not None and card.is_busy()
    card.field.setPlainText("We use tabs for code and tests.")
    here.workspace.write(lambda operations: operations.edit_fact(fact, "We always use tabs for code."))
    page.shown()
    card.save.click()
    here.until(lambda: bool(page.cards) and page.cards[0].text.text() == "We always use tabs for code and tests.")
    page.cards[0].edit.click()
    page.cards[0].leave.click()
    here.until(lambda: bool(page.cards) and page.cards[0].field is None)
