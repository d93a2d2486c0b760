"""FTS5 gathers the words of a transaction and writes them once; a savepoint in between makes it write what it has."""

from __future__ import annotations

from contextlib import closing

from sqlcipher3 import dbapi2 as sqlcipher

from sync.store import entries, search_index
from sync.store.database import Connection
from sync.store.schema import SYNC


def _written(connection: Connection) -> int:
    (count,) = connection.execute("SELECT count(*) FROM search_data").fetchone()
    return int(count)


def test_a_new_document_leaves_gathered_words_together() -> None:
    with closing(sqlcipher.connect(":memory:", isolation_level=None)) as connection:
        for script in SYNC.scripts:
            connection.executescript(script)
        search_index.create(connection)
        connection.execute("PRAGMA foreign_keys=off")
        connection.execute("BEGIN")
        before = _written(connection)
        for number in range(3):
            search_index.OwnIndex(connection).add([(number, "some words", "")])
            first = entries.add_unknown(connection, bytes([number]) * 16, 1)
            known = entries.add_segment(connection, bytes([number]) * 16, 1, f"s{number}", 1, b"g", 0)
            assert known.row == first.row
        assert _written(connection) == before
        connection.execute("COMMIT")
        assert _written(connection) > before
