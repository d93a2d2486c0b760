"""What people type: FTS5 never refuses it, and finds what it should."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlcipher3 import dbapi2 as sqlcipher

from sync.store import search_index
from sync.store.database import Connection
from sync.store.search_index import (
    MAX_WORDS,
    Lens,
    is_plain,
    marking_expression,
    marking_pattern,
    match_expression,
)

TEXTS = [
    "The quick brown fox",
    "a/b.py imports snake_case and C++ code",
    "naïve café, NOT a near miss OR so",
    'she said "hello world" to everyone',
    "brown and quick foxes",
    "版本 控制",
]


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    connection = sqlcipher.connect(":memory:", isolation_level=None)
    search_index.create(connection)
    for row, text in enumerate(TEXTS):
        connection.execute("INSERT INTO search(rowid, text, meta) VALUES(?,?,?)", (row, text, f"w1 s{row} k_note"))
    yield connection
    connection.close()


def _found(connection: Connection, query: str, *filters: list[str], as_typed: bool = False) -> list[int]:
    expression = match_expression(query, filters, as_typed=as_typed)
    if expression is None:
        return []
    rows = connection.execute("SELECT rowid FROM search WHERE search MATCH ? ORDER BY rowid", (expression,))
    return [row[0] for row in rows]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("quick", [0, 4]),
        ("QUICK fox", [0]),
        ('"quick brown"', [0]),
        ('"brown quick"', []),
        ('"quick brown', [0]),
        ("fox*", [0, 4]),
        ('"quick fo"*', [4]),
        ('"brown fo"*', [0]),
        ("a/b.py", [1]),
        ("b.py/a", []),
        ("C++", [1]),
        ("snake_case", [1]),
        ("snake", []),
        ("cafe naive", [2]),
        ("NOT", [2]),
        ("not near", [2]),
        ("quick OR brown", []),
        ("quick AND fox", []),
        ("text:quick", []),
        ("meta:w1", []),
        ("w1", []),
        ("k_note", []),
        ("hello -world", [3]),
        ("版本", [5]),
        ("quick ++ fox", [0]),
        ("^quick", [0, 4]),
        ("(quick) {fox}", [0]),
        ("NEAR(quick fox)", []),
        ("quick\0fox", [0]),
    ],
)
def test_what_is_found(connection: Connection, query: str, rows: list[int]) -> None:
    assert _found(connection, query) == rows


@pytest.mark.parametrize(
    "query", ["", "   ", "*", '"', '""', '""*', "++", "-", "()", "\0", "^:*", "…", "AND".lower()[:0]]
)
def test_nothing_to_look_for(query: str) -> None:
    assert match_expression(query) is None
    assert match_expression(query, [["w1"]], as_typed=True) is None


def test_filters(connection: Connection) -> None:
    assert _found(connection, "quick", ["w1"]) == [0, 4]
    assert _found(connection, "quick", ["s4", "s5"]) == [4]
    assert _found(connection, "quick", ["w1"], ["s0"]) == [0]
    assert _found(connection, "quick", ["w2"]) == []
    assert _found(connection, "quick", ['w1" OR "w2']) == []


def test_while_it_is_typed(connection: Connection) -> None:
    assert _found(connection, "qui") == []
    assert _found(connection, "qui", as_typed=True) == [0, 4]
    assert _found(connection, "brown fo", as_typed=True) == [0, 4]
    assert _found(connection, "fo brown", as_typed=True) == []
    assert _found(connection, "qui ", as_typed=True) == []
    assert _found(connection, "snake_c", as_typed=True) == [1]
    # one letter would match half of everything, slowly
    assert match_expression("q", as_typed=True) == 'text : ("q")'
    assert match_expression("a.b", as_typed=True) == 'text : ("a.b")'
    assert match_expression("a.", as_typed=True) == 'text : ("a.")'
    assert match_expression("q*") == 'text : ("q"*)'


def test_long_queries_are_bounded(connection: Connection) -> None:
    for query in ("quick " * 10_000, "x" * 1_000_000, '"' * 9_999, "* " * 9_999 + "quick"):
        _found(connection, query, as_typed=True)
    assert _found(connection, "quick " * 10_000) == [0, 4]
    assert (match_expression("quick " * 10_000) or "").count("quick") == MAX_WORDS


_typed = st.text(
    st.one_of(
        st.sampled_from(list("ab*\"^:-+(){}.,\\/ \0'_é")), st.characters(), st.characters(categories=["Cs", "M"])
    ),
    max_size=30,
)
_words = st.lists(
    st.one_of(_typed, st.sampled_from(["AND", "OR", "NOT", "NEAR", "NEAR(", "text:", "quick*"])), max_size=6
)


@settings(max_examples=600, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_words, st.booleans())
@example(["\ud800"], True)
def test_no_text_is_an_error(connection: Connection, words: list[str], as_typed: bool) -> None:
    for query in (" ".join(words), "".join(words)):
        _found(connection, query, ["w1"], as_typed=as_typed)
        expression = match_expression(query, as_typed=as_typed)
        if expression is not None:
            connection.execute(
                "SELECT snippet(search, 0, '<', '>', '…', 8) FROM search WHERE search MATCH ?", (expression,)
            ).fetchall()


def test_the_control_would_fail(connection: Connection) -> None:
    """Handed over as they are, such texts are errors: the tests above test something."""
    for query in ("C++", "a/b.py", "quick-fox AND", '"'):
        with pytest.raises((sqlcipher.DatabaseError, sqlite3.DatabaseError)):
            connection.execute("SELECT rowid FROM search WHERE search MATCH ?", (query,)).fetchall()


_WORDS = st.sampled_from(["Foo", "foo_bar", "ba", "bar", "a", "1", "x9", "é", "…", "—", "-", ".", '"', "*", "\n", " "])
_MIXED = st.lists(_WORDS, max_size=12).map("".join)


@settings(max_examples=200)
@given(texts=st.lists(_MIXED, min_size=1, max_size=4), query=_MIXED, as_typed=st.booleans())
@example(texts=["ba bar a", "a a a"], query='"a a"', as_typed=False)
@example(texts=["foo—bar‘ba’"], query="foo ba", as_typed=True)
def test_the_quick_marks_are_those_of_the_index(texts: list[str], query: str, as_typed: bool) -> None:
    pattern = marking_pattern(query, as_typed=as_typed)
    expression = marking_expression(query, as_typed=as_typed)
    assert (expression is None) <= (pattern is None)
    if pattern is None or expression is None:
        return
    plain = {number: text for number, text in enumerate(texts) if is_plain(text)}
    with closing(Lens()) as lens, lens.holding((number, text, "") for number, text in plain.items()):
        marked = lens.marked(expression, "<", ">")
    quick = {number: pattern.sub(r"<\g<0>>", text) for number, text in plain.items() if pattern.search(text)}
    assert quick == marked
