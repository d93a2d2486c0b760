"""Sessions that have to do with a text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.sessions.events import AgentMessage, Draft, UserMessage
from app.sessions.related import COMMON, Hit, distinct_words, scored
from app.workspace import Workspace


def written(home: Workspace, title: str, *texts: str) -> str:
    def run(operations) -> str:  # type: ignore[no-untyped-def]
        session = operations.create(title=title)
        drafts = [Draft(body=UserMessage(text=text), time=1_000) for text in texts]
        operations.append(session, drafts)
        return session

    return home.write(run)


def related(home: Workspace, text: str, but: str | None = None) -> list[str]:
    return [one.title for one in home.read(lambda queries: queries.related(text, but=but))]


def test_sessions_that_share_rare_words_are_found_also_before_they_are_indexed(home: Workspace) -> None:
    parser = written(home, "Parser", "The parser does not tell the column of errors")
    written(home, "Lunch", "Where do we go for lunch today? Not the cantina.")
    wanted = "Why are columns wrong: the parser reports a column that is off by one"
    assert related(home, wanted) == ["Parser"]
    written(home, "Many", *(f"filler {number} words" for number in range(200)))
    assert related(home, wanted) == ["Parser"]
    assert related(home, wanted, but=parser) == []
    home.write(lambda operations: operations.trash([parser]))
    assert related(home, wanted) == []


def test_the_best_come_first_and_no_more_than_three(home: Workspace) -> None:
    for number in range(5):
        written(home, f"One {number}", "quasar and pulsar")
    written(home, "All", "quasar pulsar nebula telescope")
    found = related(home, "A quasar, a pulsar, a nebula and a telescope")
    assert len(found) == 3 and found[0] == "All"


def test_what_everybody_says_relates_nothing(home: Workspace) -> None:
    for number in range(30):
        written(home, f"{number}", "please look into that")
    assert related(home, "please look into that") == []


def test_another_workspace_is_not_looked_at(home: Workspace) -> None:
    other = home.write(lambda operations: operations.create_workspace("Work"))
    session = home.write(lambda operations: operations.inside(other).create(title="Elsewhere"))
    home.write(lambda operations: operations.append(session, [Draft(body=AgentMessage(text="quasar pulsar"), time=1)]))
    assert related(home, "quasar pulsar") == []


def test_nothing_that_is_typed_is_an_error(home: Workspace) -> None:
    written(home, "x", "y")
    for text in ("", "?", '"', "a" * 5000, "C++ AND (", "\0 ‹›", "\ud800 broken half"):
        assert related(home, text) == []


HITS = st.builds(
    Hit, st.integers(1, 4), st.sampled_from("abc"), st.sampled_from(["user_message", "x"]), st.floats(0, 1)
)


@given(st.lists(HITS), st.integers(0, 5))
def test_more_of_a_word_is_worth_no_more(hits: list[Hit], words: int) -> None:
    assert scored(hits + hits, words) == scored(hits, words)
    for session, score in scored(hits, words).items():
        shared = {hit.word for hit in hits if hit.session == session}
        assert len(shared) >= min(words, 2) and score <= 1.5 * len(shared)


def test_short_words_and_numbers_say_nothing() -> None:
    assert distinct_words("a an The 2026 C3PO") == {"the", "c3po"}
    assert COMMON > 1
