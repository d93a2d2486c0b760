"""Finding sessions and files by a few letters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sessions.events import Draft, FileChange
from app.sessions.finding import find_files, find_sessions, match_score
from app.sessions.views import NamedSession
from tests.helpers.homes import open_home


@pytest.mark.parametrize(
    ("wanted", "better", "worse"),
    [
        ("fix", "Fix the parser", "The suffix is wrong"),
        ("pars", "Fix the parser", "Sparse matrices"),
        ("parser fix", "Fix the parser", "p a r s e r f i x e d"),
        ("wal", "WAL mode", "Wait for all locks"),
        ("store", "store.py", "the whole store of everything that there is"),
    ],
)
def test_the_nearer_match_scores_higher(wanted: str, better: str, worse: str) -> None:
    found = match_score(wanted, better)
    assert found is not None
    assert found > (match_score(wanted, worse) or 0)


@pytest.mark.parametrize("name", ["", "zzz", "this is from a different session with many words in between"])
def test_letters_that_are_missing_or_far_apart_do_not_match(name: str) -> None:
    assert match_score("theme", name) is None


@given(st.text(max_size=12), st.text(max_size=40))
def test_a_name_that_holds_the_text_always_matches(wanted: str, name: str) -> None:
    wanted = wanted.strip().lower()
    assert (match_score(wanted, name) is not None) or wanted not in name.lower()


def test_sessions_are_offered_best_first_and_new_before_old() -> None:
    rows = [NamedSession("a", "Old parser", 1), NamedSession("b", "New parser", 2), NamedSession("c", "Parser", 0)]
    assert [one.id for one in find_sessions(rows, " Parser ", 9)] == ["c", "b", "a"]
    assert [one.id for one in find_sessions(rows, "", 2)] == ["b", "a"]
    assert find_sessions(rows, "nothing", 9) == []


def test_files_are_found_by_their_path_once_each(tmp_path) -> None:
    workspace = open_home(tmp_path / "home")
    try:
        session = workspace.write(lambda operations: operations.create(title="Work"))
        for path in ("src/parser.py", "src/parser.py", "docs/notes.md"):
            body = FileChange(path=path, diff=f"--- {path}\n+++ {path}\n@@ -0,0 +1 @@\n+parser\n", added=1)
            draft = Draft(body=body, time=workspace.clock.now_ms(), turn="t")
            workspace.write(lambda operations, draft=draft: operations.append(session, [draft]))
        found = workspace.read(lambda queries: find_files(queries, "parser", 9))
        assert [(one.path, one.session) for one in found] == [("src/parser.py", session)]
        assert workspace.read(lambda queries: find_files(queries, '"', 9)) == []
        assert [one.title for one in workspace.read(lambda queries: queries.named_sessions())] == ["Work"]
    finally:
        workspace.close()
