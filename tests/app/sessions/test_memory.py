"""What a workspace remembers, on one device."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import NotFound, UserError
from app.sessions.memory import MAX_TEXT, Stamp, first_fields, read_fact
from app.workspace import Workspace
from tests.helpers.talks import talk

ADA, BOB = "a" * 64, "b" * 64
ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
NOTE = f"memory/{ID}"


def test_a_persons_fact_is_accepted_and_an_agents_is_a_proposal(home: Workspace) -> None:
    session, _ = talk(home, "Which indent?")
    own = home.write(lambda operations: operations.remember("The office has two floors.", session=session))
    proposal = home.write(
        lambda operations: operations.propose_fact("We use tabs.", "decision", agent="Coder", session=session)
    )
    rows = {row.fact.id: row for row in home.read(lambda queries: queries.facts())}
    assert (rows[own].fact.state, rows[own].fact.kind, rows[own].author, rows[own].to_decide) == (
        "accepted",
        "fact",
        "Ada",
        False,
    )
    told = rows[proposal].to_json()
    assert (told["state"], told["kind"], told["text"]) == ("proposed", "decision", "We use tabs.")
    assert told["author"]["agent"] == "Coder" and told["session"] == session and told["event"]
    assert rows[proposal].to_decide
    assert [row.fact.id for row in home.read(lambda queries: queries.facts_about("tabs"))] == [own]
    home.write(lambda operations: operations.accept_fact(proposal))
    assert [row.fact.id for row in home.read(lambda queries: queries.facts_about("tabs"))] == [proposal, own]


def test_forgetting_hides_and_accepting_brings_back(home: Workspace) -> None:
    fact = home.write(lambda operations: operations.remember("Water is wet."))
    home.write(lambda operations: operations.forget_fact(fact))
    assert home.read(lambda queries: queries.facts()) == []
    [row] = home.read(lambda queries: queries.facts({"forgotten"}))
    assert row.fact.text == "Water is wet." and row.to_json()["forgotten"]
    home.write(lambda operations: operations.accept_fact(fact))
    assert [row.fact.state for row in home.read(lambda queries: queries.facts())] == ["accepted"]


def test_an_edit_says_so_and_a_rebuild_changes_nothing(home: Workspace) -> None:
    fact = home.write(lambda operations: operations.remember("Wota is wet."))
    home.write(lambda operations: operations.edit_fact(fact, "Water is wet."))
    row = home.read(lambda queries: queries.fact(fact[:20]))
    assert row.fact.text == "Water is wet." and row.editor == "Ada"
    home.write(lambda operations: operations.rebuild())
    assert home.read(lambda queries: queries.fact(fact)) == row


def test_what_cannot_be_remembered_is_said(home: Workspace) -> None:
    for text in ("", " \n\u202e", "x" * (MAX_TEXT + 1)):
        with pytest.raises(UserError):
            home.write(lambda operations, text=text: operations.remember(text))
    for change in ("accept_fact", "forget_fact"):
        with pytest.raises(NotFound, match="memory list"):
            home.write(lambda operations, change=change: getattr(operations, change)(ID))
    with pytest.raises(NotFound):
        home.read(lambda queries: queries.fact(""))
    assert home.read(lambda queries: queries.facts()) == []


def test_secrets_are_not_remembered(home: Workspace) -> None:
    token = "ghp_" + "0123456789abcdefghijKLMNopqrstuvwxyz"
    fact = home.write(lambda operations: operations.remember(f"The token is {token} for now."))
    home.write(lambda operations: operations.edit_fact(fact, f"It is {token}."))
    session, _ = talk(home, "x")
    home.write(lambda operations: operations.propose_fact(token, "fact", agent="Coder", session=session))
    texts = [row.fact.text for row in home.read(lambda queries: queries.facts())]
    assert len(texts) == 2 and token not in "".join(texts) and all("‹secret›" in text for text in texts)


def test_the_best_are_first(home: Workspace) -> None:
    for text in (
        "Releases happen on Fridays.",
        "The parser is written by hand.",
        "Parser errors name line and column.",
    ):
        home.write(lambda operations, text=text: operations.remember(text))
    about = home.read(lambda queries: queries.facts_about('why does my parser not tell which column? C++ "x'))
    assert [row.fact.text[:6] for row in about] == ["Parser", "The pa", "Releas"]
    assert len(home.read(lambda queries: queries.facts_about("?!"))) == 3


def fields(by: str = ADA, agent: str | None = None) -> dict[str, str]:
    return first_fields(Stamp(5, by), "fact", agent=agent, session=None, event=None)


def test_only_claims_of_those_who_wrote_count() -> None:
    forged = read_fact(NOTE, "x", fields(), {BOB})
    assert forged is not None and forged.written == Stamp(5, "") and forged.state == "proposed"
    honest = read_fact(NOTE, "x", fields(), {ADA, BOB})
    assert honest is not None and honest.written == Stamp(5, ADA) and honest.state == "accepted"
    hidden = read_fact(NOTE, "x", fields() | {"forgotten": f"6 {BOB}"}, {ADA})
    assert hidden is not None and hidden.state == "accepted"


def test_nobody_else_accepts_what_an_agent_proposes() -> None:
    proposal = fields(agent="Coder")
    for accepter, state in ((ADA, "accepted"), (BOB, "proposed")):
        fact = read_fact(NOTE, "x", proposal | {"accepted": f"6 {accepter}"}, {ADA, BOB})
        assert fact is not None and fact.state == state


@given(
    st.text(max_size=60) | st.just(NOTE),
    st.text(max_size=60),
    st.dictionaries(
        st.sampled_from(["kind", "written", "agent", "session", "event", "accepted", "forgotten", "edited"]),
        st.text(max_size=80) | st.sampled_from([f"5 {ADA}", f"9 {BOB}", "decision"]),
    ),
    st.sets(st.sampled_from([ADA, BOB])),
)
def test_nothing_in_a_note_breaks_reading(
    name: str, text: str, given_fields: dict[str, str], writers: set[str]
) -> None:
    fact = read_fact(name, text, given_fields, writers)
    if fact is None:
        return
    assert fact.id == ID and fact.text == fact.text.strip() != ""
    assert all(stamp is None or stamp.by in writers for stamp in (fact.accepted, fact.forgotten, fact.edited))
    assert fact.written.by in {*writers, ""}
    assert fact.state != "accepted" or fact.accepted is not None
    assert "\x1b" not in fact.text + (fact.agent or "") + (fact.session or "")
