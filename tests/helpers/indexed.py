"""What the full-text index holds, read from its own words."""

from __future__ import annotations

from collections import defaultdict

from app.sessions.indexing import index_waiting
from sync.store.blobs import BlobStore
from sync.store.database import Connection


def index_all(connection: Connection, blobs: BlobStore) -> None:
    """Let no event wait for the index any more."""
    connection.execute("BEGIN IMMEDIATE")
    index_waiting(connection, blobs)
    connection.execute("COMMIT")


def indexed_words(connection: Connection) -> dict[int, list[list[str]]]:
    """The words of each row of the index, in their order: those of the text, and the tokens for filters."""
    words: dict[int, list[list[str]]] = defaultdict(lambda: [[], []])
    for row, column, term in connection.execute('SELECT doc, col, term FROM search_term ORDER BY doc, col, "offset"'):
        words[row][column == "meta"].append(term)
    return dict(words)
