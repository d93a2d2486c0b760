"""What a purge takes out of the rows, and what depends on it.

A session goes together with its sub-sessions (those that name it as their parent), its note, its drafts, output
that still comes, and the blobs that nothing else refers to. Sessions that were forked from it lose what they inherited.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from app.sessions.indexing import forget_texts
from sync.store.database import Connection
from sync.store.operations import FOUNDER_ROLE, LINK_ROLE, NO_ROLE, find_standing
from sync.store.search_index import OwnIndex

LATE = "This was written into a session that was purged on another device meanwhile. It is all that is left of it."
"""What a session says that holds what came late."""
LOST = "What this session had inherited from the session it was forked from was purged."
"""What a fork says from then on."""
_SUB_SESSIONS = "SELECT id FROM session WHERE workspace=? AND json_extract(parent, '$.session')=?"
_FORKS = "SELECT id FROM session WHERE workspace=? AND origin_session=?"


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge did. sessions: ids, sub-sessions included. forks: ids of sessions that lost inherited events.

    emptied: whether the write-ahead log holds nothing of it any more; another program that reads can prevent that.
    """

    sessions: tuple[str, ...]
    forks: tuple[str, ...]
    emptied: bool


@dataclass(frozen=True, slots=True)
class Losses:
    """What a purge would take, counted. subs: sessions among them that nobody named; forks: others that would lose
    what they inherited; bytes: as sessions count them. elsewhere: what becomes of it on other devices, a sentence; ''
    where nobody else can have any of it."""

    sessions: int
    subs: int
    forks: int
    events: int
    bytes: int
    elsewhere: str = ""


def losses(connection: Connection, sessions: Sequence[str]) -> Losses:
    """What a purge of these sessions of one workspace would take, sub-sessions included."""
    found = connection.execute("SELECT workspace FROM session WHERE id=?", (next(iter(sessions), ""),)).fetchone()
    if found is None:
        return Losses(0, 0, 0, 0, 0)
    gone = with_sub_sessions(connection, found[0], sessions)
    counted = [
        connection.execute("SELECT events, bytes FROM session WHERE id=?", (session,)).fetchone() or (0, 0)
        for session in gone
    ]
    forks = len(forks_of(connection, found[0], gone))
    events, size = (sum(column) for column in zip(*counted, strict=True))
    elsewhere = _elsewhere(connection, found[0], gone)
    return Losses(len(gone), len(gone) - len(dict.fromkeys(sessions)), forks, events, size, elsewhere)


def _elsewhere(connection: Connection, workspace: int, sessions: Sequence[str]) -> str:
    """What other devices do when they hear of a purge; see `sync.repository.purging`."""
    shared = "EXISTS(SELECT 1 FROM holder WHERE workspace=?1) OR EXISTS(SELECT 1 FROM mailbox WHERE workspace=?1)"
    if not connection.execute(f"SELECT {shared}", (workspace,)).fetchone()[0]:
        return ""
    role = find_standing(connection, workspace)
    if role in ("reader", "guest", NO_ROLE, LINK_ROLE):
        return "It goes from this device only: who may not write cannot take anything from others."
    (own,) = connection.execute("SELECT identity FROM device WHERE is_own").fetchone()
    sql = (
        "SELECT 1 FROM session s JOIN session_author x ON x.session=s.row JOIN author a ON a.row=x.author "
        "WHERE s.id=? AND a.identity<>? AND NOT a.claimed LIMIT 1"
    )
    foreign = any(connection.execute(sql, (session, own)).fetchone() for session in sessions)
    who = "Your other devices and other members erase it too when they hear of it"
    if foreign and role != FOUNDER_ROLE:
        who = "Your other devices erase it too when they hear of it; members keep what you did not write"
    elif foreign:
        who += ", except what stronger owners wrote"
    return f"{who}. Whoever changed their program, or has an export or a backup, can keep what they have."


def with_sub_sessions(connection: Connection, workspace: int, sessions: Iterable[str]) -> list[str]:
    """These sessions and all sub-sessions of them, each once."""
    return _closure(connection, _SUB_SESSIONS, workspace, sessions)


def forks_of(connection: Connection, workspace: int, sessions: Sequence[str]) -> list[str]:
    """Sessions that continue one of these, directly or through others, without these themselves."""
    gone = set(sessions)
    return [session for session in _closure(connection, _FORKS, workspace, sessions) if session not in gone]


def _closure(connection: Connection, step: str, workspace: int, sessions: Iterable[str]) -> list[str]:
    found = dict.fromkeys(sessions)
    waiting = list(found)
    while waiting:
        for (session,) in connection.execute(step, (workspace, waiting.pop())).fetchall():
            if session not in found:
                found[session] = None
                waiting.append(session)
    return list(found)


def document_names(sessions: Iterable[str]) -> list[str]:
    """Names of the documents of sessions: their segments and their notes."""
    return list(chain.from_iterable((session, note_name(session)) for session in sessions))


def note_name(session: str) -> str:
    """The name of a session's note."""
    return f"session/{session}"


_KEPT_BY_SESSION = (
    "draft", "output", "seen", "job", "claim", "kept_secret", "kept_secret_blob", "kept_secret_source",
)  # fmt: skip
"""Tables that are no projection and have rows of sessions, by their ids."""


def delete_rows(connection: Connection, workspace: int, sessions: Sequence[str]) -> list[bytes]:
    """Remove all rows of sessions; gives the ids of the blobs that nothing refers to any more."""
    blobs: set[str] = set()
    indexed: list[int] = []
    for session in sessions:
        row = connection.execute("SELECT row FROM session WHERE id=?", (session,)).fetchone()[0]
        blobs |= {blob for (blob,) in connection.execute("SELECT blob FROM session_blob WHERE session=?", (row,))}
        indexed += _delete_projected(connection, row)
        for table in (
            "draft",
            "output",
            "seen",
            "job",
            "claim",
            "kept_secret",
            "kept_secret_blob",
            "kept_secret_source",
        ):
            connection.execute(f"DELETE FROM {table} WHERE session=?", (session,))
        connection.execute("DELETE FROM note WHERE workspace=? AND name=?", (workspace, note_name(session)))
    forget_texts(connection, indexed)
    OwnIndex(connection).erase()
    connection.execute("DELETE FROM author WHERE row NOT IN (SELECT author FROM session_author)")
    return unused_blobs(connection, map(bytes.fromhex, blobs))


def purge_rows(connection: Connection, workspace: int, name: str, *, whole: bool) -> list[bytes]:
    """Remove what there is under the name of a session or note; gives the ids of the blobs that it referred to.

    whole: nothing of it is left; otherwise what is kept of it beside the projection stays.
    """
    found = connection.execute("SELECT row FROM session WHERE id=? AND workspace=?", (name, workspace)).fetchone()
    if found is None:
        connection.execute("DELETE FROM note WHERE workspace=? AND name=?", (workspace, name))
        return []
    blobs = connection.execute("SELECT blob FROM session_blob WHERE session=?", found).fetchall()
    if whole:
        delete_rows(connection, workspace, [name])
    else:
        withdraw_rows(connection, workspace, name)
        OwnIndex(connection).erase()
    return [bytes.fromhex(blob) for (blob,) in blobs]


def withdraw_rows(connection: Connection, workspace: int, session: str) -> None:
    """Remove what documents show of a session, if anything, so that it can be shown anew."""
    row = connection.execute("SELECT row FROM session WHERE id=? AND workspace=?", (session, workspace)).fetchone()
    if row is not None:
        forget_texts(connection, _delete_projected(connection, row[0]))


def _delete_projected(connection: Connection, row: int) -> list[int]:
    """Remove a session and its events from the projection; gives the rows that the full-text index may know."""
    indexed = [event for (event,) in connection.execute("SELECT row FROM event WHERE session=?", (row,))]
    connection.execute("DELETE FROM awaited WHERE row IN (SELECT row FROM event WHERE session=?)", (row,))
    for table in ("event", "erased", "session_field", "session_blob", "session_author"):
        connection.execute(f"DELETE FROM {table} WHERE session=?", (row,))
    connection.execute("DELETE FROM session WHERE row=?", (row,))
    return indexed


def unused_blobs(connection: Connection, blobs: Iterable[bytes]) -> list[bytes]:
    """Those of the blobs (ids) that no session refers to."""
    used = {blob for (blob,) in connection.execute("SELECT DISTINCT blob FROM session_blob")}
    return [blob for blob in blobs if blob.hex() not in used]
