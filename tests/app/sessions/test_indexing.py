"""Events that wait for the full-text index are found as those in it, and only a few wait."""

from __future__ import annotations

import random

import pytest

from app.sessions import indexing
from app.sessions.events import AgentMessage, Draft, UserMessage
from app.sessions.filters import SearchFilter
from app.sessions.indexing import WAITING_CHARACTERS, WAITING_ROWS
from app.sessions.operations import SessionOperations
from app.sessions.snippets import EXCERPT, cut_excerpt
from app.sessions.views import SearchHit
from app.workspace import Workspace
from tests.helpers.indexed import index_all, indexed_words
from tests.helpers.talks import go_on, said, talk

NOW = 1_700_000_000_000
_ASKED = [
    ("parser", SearchFilter()),
    ("pars", SearchFilter(as_typed=True)),
    ('"old parser"', SearchFilter(kind="user_message")),
    ("naive nothing", SearchFilter()),
    ("parser", SearchFilter(limit=3)),
    ("parser", SearchFilter(type="agent")),
    ("parser", SearchFilter(since=NOW - 55_000, until=NOW - 40_000)),
    ("parser", SearchFilter(author="claude")),
]


def waiting(home: Workspace) -> int:
    def count(operations: SessionOperations) -> int:
        return operations._engine.connection.execute("SELECT count(*) FROM unindexed").fetchone()[0]

    return home.write(count)


def settle(home: Workspace) -> None:
    home.write(lambda operations: index_all(operations._engine.connection, operations._engine.blobs))


def answers(home: Workspace) -> list[list[SearchHit]]:
    return [home.read(lambda queries, q=query, w=wanted: queries.search(q, w)) for query, wanted in _ASKED]


def test_what_waits_is_found_as_what_is_indexed(home: Workspace) -> None:
    dice = random.Random(5)
    words = "the naïve old parser is broken and nothing else works".split()
    session, _ = talk(home, title="T")
    for number in range(30):
        text = " ".join(dice.choices(words, k=8))
        body, agent = (UserMessage(text=text), None) if number % 2 else (AgentMessage(text=text), "claude")
        draft = Draft(body=body, time=NOW - 60_000 + number * 1_000, agent=agent)
        home.write(lambda operations, draft=draft: operations.append(session, [draft]))
        if number == 12:
            settle(home)
    assert waiting(home) > 10
    before = answers(home)
    settle(home)
    assert waiting(home) == 0
    assert answers(home) == before and sum(map(bool, before)) >= 6


def test_best_first_counts_both(home: Workspace) -> None:
    session, _ = talk(home, title="T")
    ids = home.write(lambda o: o.append(session, [said("needle " + "hay " * 50, NOW), said("hay", NOW + 1)]))
    settle(home)
    ids += home.write(lambda o: o.append(session, [said("needle needle", NOW + 2), said("straw", NOW + 3)]))
    found = home.read(lambda queries: queries.search("needle", SearchFilter(rank=True)))
    assert sorted(hit.event for hit in found) == sorted([ids[0], ids[2]])


def test_few_wait(home: Workspace) -> None:
    session, _ = talk(home, title="T")
    most = 0
    for number in range(2 * WAITING_ROWS):
        go_on(home, session, f"text {number}")
        most = max(most, waiting(home))
    assert WAITING_ROWS // 2 < most < WAITING_ROWS
    go_on(home, session, "x" * WAITING_CHARACTERS)
    assert waiting(home) < WAITING_ROWS
    for _ in range(4):
        go_on(home, session, "y " * (WAITING_CHARACTERS // 5))
    assert waiting(home) < 4
    assert len(home.read(lambda queries: queries.search("text", SearchFilter(limit=1_000)))) == 2 * WAITING_ROWS


def test_a_batch_is_indexed_at_once(home: Workspace) -> None:
    session, _ = talk(home, title="T")
    before = waiting(home)
    go_on(home, session, *[f"text {number}" for number in range(WAITING_ROWS)])
    assert waiting(home) == before


def test_a_new_type_counts_for_all_events(home: Workspace) -> None:
    session, _ = talk(home, "needle one", title="T")
    settle(home)
    go_on(home, session, "needle two")
    for type_ in ("agent", "mcp"):
        home.write(lambda operations, t=type_: operations.set_fields(session, {"type": t}))
        found = {t: home.read(lambda q, t=t: q.search("needle", SearchFilter(type=t))) for t in ("agent", "mcp")}
        assert len(found[type_]) == 2 and sum(map(len, found.values())) == 2
    settle(home)
    tokens = home.write(lambda operations: indexed_words(operations._engine.connection)).values()
    assert {part[1][2] for part in tokens} == {"t_mcp"}


def test_texts_are_derived_by_one_function(home: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that was indexed at once and one that waited have the same words."""
    texts = ["naïve C++ src/a-b.py", "long " * 3_000, "ﬁne – “quoted” _x_"]
    one, _ = talk(home, *texts, title="T")
    settle(home)
    monkeypatch.setattr(indexing, "WAITING_ROWS", 1)
    other, _ = talk(home, *texts, title="T")
    words = home.write(lambda operations: indexed_words(operations._engine.connection))
    of = {
        session: [words[row][0] for row in home.read(lambda q, s=session: list(q.timeline(s).rows))]
        for session in (one, other)
    }
    assert of[one] == of[other] and len(of[one]) == len(texts)


@pytest.mark.parametrize("gap", [0, 10, EXCERPT, 2 * EXCERPT])
def test_long_texts_show_what_was_found(home: Workspace, gap: int) -> None:
    text = "hay " * EXCERPT + "first " + "hay " * gap + "Zweite " + "hay " * EXCERPT
    talk(home, text, title="T")
    (hit,) = home.read(lambda queries: queries.search("zweite first"))
    assert "‹first›" in hit.snippet or "‹Zweite›" in hit.snippet
    assert ("‹first›" in hit.snippet and "‹Zweite›" in hit.snippet) == (gap <= 10)
    assert hit.snippet.startswith("…") and hit.snippet.endswith("…")


def test_a_phrase_far_from_its_words_is_still_marked(home: Workspace) -> None:
    text = "old old parser " * 3 + "hay " * (3 * EXCERPT) + "parser old"
    talk(home, text, title="T")
    (hit,) = home.read(lambda queries: queries.search('"parser old" hay'))
    assert "‹parser old" in hit.snippet or "‹hay›" in hit.snippet


def test_excerpts() -> None:
    short = "a needle"
    assert cut_excerpt(short, ["needle"]).text == short
    long = "hay " * 5_000 + "needle" + " hay" * 5_000
    excerpt = cut_excerpt(long, ["needle"])
    assert "needle" in excerpt.text and len(excerpt.text) < EXCERPT + 10 and excerpt.cut_before and excerpt.cut_after
    excerpt = cut_excerpt(long, ["absent"])
    assert long.startswith(excerpt.text) and EXCERPT <= len(excerpt.text) < EXCERPT + 10 and excerpt.cut_after


def test_an_erased_event_leaves_no_word_in_the_index(home: Workspace) -> None:
    session, ids = talk(home, "qqzzxxyy one", "kept", title="T")
    settle(home)
    rest = b"".join(blocks(home))
    assert b"zzxxyy" in rest
    home.write(lambda operations: operations.erase(session, [ids[0]]))
    assert b"zzxxyy" not in b"".join(blocks(home))
    assert home.read(lambda queries: queries.search("qqzzxxyy")) == []
    home.write(lambda operations: operations.rebuild())
    assert b"zzxxyy" not in b"".join(blocks(home))
    assert len(home.read(lambda queries: queries.search("kept"))) == 1


def blocks(home: Workspace) -> list[bytes]:
    """The pages of the index."""

    def read(operations: SessionOperations) -> list[bytes]:
        rows = operations._engine.connection.execute("SELECT block FROM search_data").fetchall()
        return [bytes(block) for (block,) in rows]

    return home.write(read)


def test_finding_in_a_conversation_counts_what_waits(home: Workspace) -> None:
    session, ids = talk(home, "needle one", "hay", title="T")
    settle(home)
    ids = [*ids, *go_on(home, session, "needle two", "straw")]
    assert home.read(lambda queries: queries.find(session, "need")) == [ids[0], ids[2]]
