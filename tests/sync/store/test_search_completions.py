"""Prefixes longer than the indexed ones are asked for word by word, and find the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from sqlcipher3 import dbapi2 as sqlite

from sync.store import search_index
from sync.store.search_index import MAX_COMPLETIONS, completions, match_expression

TEXTS = ("import imported importer", "Importing things", "IMPORT", "impossible", "impört", "x_import import_x", "other")


@pytest.fixture
def connection() -> Iterator[Any]:
    connection = sqlite.connect(":memory:", isolation_level=None)
    search_index.create(connection)
    for row, text in enumerate(TEXTS, 1):
        connection.execute("INSERT INTO search(rowid, text, meta) VALUES(?,?,'w1 k_import')", (row, text))
    yield connection
    connection.close()


def _rows(connection: Any, expression: str | None) -> list[int]:
    return [
        row
        for (row,) in connection.execute("SELECT rowid FROM search WHERE search MATCH ? ORDER BY rowid", (expression,))
    ]


@pytest.mark.parametrize(
    "query", ["impo", "IMPOR", "import", "importi", "import_", "impört", "impossibly", "thin impo"]
)
def test_the_same_rows_are_found(connection, query):
    plain = match_expression(query, [["w1"]], as_typed=True)
    quick = match_expression(query, [["w1"]], as_typed=True, complete=partial(completions, connection))
    assert _rows(connection, quick) == _rows(connection, plain)


def test_words_are_named(connection):
    assert completions(connection, "importe") == ["imported", "importer"]
    assert completions(connection, "nothing") == []
    quick = match_expression("Importe*", complete=partial(completions, connection))
    assert quick == 'text : (("imported" OR "importer"))'


def test_too_many_words_stay_a_prefix(connection):
    for number in range(MAX_COMPLETIONS):
        connection.execute("INSERT INTO search(text, meta) VALUES(?, 'w1')", (f"words{number}",))
    complete = partial(completions, connection)
    assert len(completions(connection, "words") or ()) == MAX_COMPLETIONS
    expression = match_expression("words", as_typed=True, complete=complete)
    assert len(_rows(connection, expression)) == MAX_COMPLETIONS
    connection.execute("INSERT INTO search(text, meta) VALUES('wordsy', 'w1')")
    assert completions(connection, "words") is None
    assert match_expression("words", as_typed=True, complete=complete) == 'text : ("words"*)'


def test_a_deleted_word_is_not_named(connection):
    connection.execute("DELETE FROM search WHERE rowid=4")
    assert completions(connection, "imposs") == []
