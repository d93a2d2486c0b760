"""Taking a workspace with everything in it out of the store."""

from __future__ import annotations

from sync.store.database import Connection

_BY_DOCUMENT = "DELETE FROM bundle WHERE document IN (SELECT row FROM document WHERE workspace=?)"
_BY_ENTRY = "DELETE FROM quarantine WHERE entry IN (SELECT id FROM entry WHERE workspace=?)"
_TABLES = (
    "entry",
    "document",
    "epoch",
    "standing",
    "published",
    "chain",
    "holder",
    "made",
    "left_chain",
    "left_note",
    "purge",
    "gone",
    "late",
    "blob_secret",
    "key_purge",
    "kept_log_key",
)


def drop_workspace(connection: Connection, row: int) -> None:
    """Delete its rows. The operations of its log stay: other processes count on the numbers of their rows."""
    connection.execute(_BY_DOCUMENT, (row,))
    connection.execute(_BY_ENTRY, (row,))
    for table in _TABLES:
        connection.execute(f"DELETE FROM {table} WHERE workspace=?", (row,))
    connection.execute("DELETE FROM workspace WHERE row=?", (row,))
