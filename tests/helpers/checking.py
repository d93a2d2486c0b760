"""What must be true of any home, whatever happened to the processes that wrote into it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.sessions.operations import SessionOperations
from app.workspace import Workspace
from sync.store.database import Connection
from tests.sync.engine_home import replay

_SESSION = (
    "id, title, type, status, archived, trashed, tags, agent, cwd, source, origin_session, origin_event, parent, "
    "created, updated, events, bytes, counter, lowest, greatest"
)
_OF_SESSION = "JOIN session s ON s.row=x.session ORDER BY 1, 2, 3"
_ROWS = (
    f"SELECT s.id, x.id, x.kind, x.time, x.damaged, x.body FROM event x {_OF_SESSION}",
    f"SELECT {_SESSION} FROM session ORDER BY id",
    f"SELECT s.id, x.field, x.event, x.value, x.claimed FROM session_field x {_OF_SESSION}",
    f"SELECT s.id, x.blob, x.size FROM session_blob x {_OF_SESSION}",
    "SELECT workspace, name, text, fields FROM note ORDER BY 1, 2",
)
"""The projection without row numbers."""


def rows_of(connection: Connection) -> list[list[Any]]:
    """All rows of the projection that a rebuild must give again."""
    return [connection.execute(sql).fetchall() for sql in _ROWS]


def rows_in(home: Workspace) -> list[list[Any]]:
    """As `rows_of`, of an open home."""
    return home.write(lambda operations: rows_of(operations._engine.connection))


def check_home(home: Workspace) -> dict[str, set[str]]:
    """Every page, chain, signature and id of a home, and its rows against its documents; ids of events by session."""
    return home.write(_check)


def _check(operations: SessionOperations) -> dict[str, set[str]]:
    connection = operations._engine.connection
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA cipher_integrity_check").fetchall() == []
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    signed = replay(connection)  # checks links, numbers, signatures, change headers
    before = rows_of(connection)
    shown: dict[str, set[str]] = {}
    for session, event, *_ in before[0]:
        names = shown.setdefault(session, set())
        assert event not in names, f"{event} stands twice"
        names.add(event)
    assert shown == {session: names for session, names in signed.items() if names}
    assert not [row for row in before[0] if row[4]], "damaged events"
    operations.rebuild()
    assert rows_of(connection) == before
    connection.execute("INSERT INTO search(search) VALUES('integrity-check')")
    return shown


def check_acknowledged(shown: dict[str, set[str]], session: str, told: Iterable[str], unanswered: int) -> None:
    """Nothing that was acknowledged is missing or stands twice.

    unanswered: at most so many events are there that nobody was told of, because the process was killed before.
    """
    told = list(told)
    assert len(set(told)) == len(told), "an event was acknowledged twice"
    assert set(told) <= shown[session], f"lost: {sorted(set(told) - shown[session])[:5]}"
    assert len(shown[session]) - len(told) <= unanswered
