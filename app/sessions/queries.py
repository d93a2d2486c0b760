"""Queries: everything that reads, from the projection, on a reading connection of its own.

Lists and searches show one workspace, unless their filter says otherwise. Sessions are found by a prefix only inside
it; an exact id finds them anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from app.sessions.activity_queries import ActivityQueries
from app.sessions.aside_queries import AsideQueries
from app.sessions.event_queries import PAGE_ROWS, UNTITLED
from app.sessions.facets import Facets, read_facets
from app.sessions.filtering import LISTED, listed, session_conditions
from app.sessions.filters import SearchFilter, SessionFilter
from app.sessions.job_queries import JobQueries
from app.sessions.lineage import conversation
from app.sessions.link_queries import LinkQueries
from app.sessions.memory_queries import MemoryQueries
from app.sessions.payload_queries import PayloadQueries
from app.sessions.secret_queries import SecretQueries
from app.sessions.settling import current_fields
from app.sessions.summaries import FIELD, Summary, read_summary
from app.sessions.tables import FAR
from app.sessions.views import DraftRow, NamedSession, SearchHit, SessionRow

if TYPE_CHECKING:
    from app.sessions.purging import Losses
    from app.sessions.related import RelatedSession
    from app.sessions.search_queries import SearchQueries
    from sync.store.database import Connection

_SESSION = (
    "SELECT s.row, s.id, s.title, s.type, s.status, s.workspace, s.created, s.updated, s.events, s.archived, "
    "s.trashed, s.tags, s.agent, s.bytes, s.cwd, s.source, s.origin_session, s.origin_event, s.parent FROM session s"
)

MOST_UNREAD = 100


class Queries(ActivityQueries, AsideQueries, JobQueries, LinkQueries, MemoryQueries, PayloadQueries, SecretQueries):
    """Use it on the thread that opened the connection. workspace: row id of the workspace of the call."""

    _searching: SearchQueries | None = None

    @property
    def connection(self) -> Connection:
        """The reading connection, for what is not about sessions: who has what, mailboxes."""
        return self._connection

    def close(self) -> None:
        """Give the connection back."""
        if self._searching is not None:
            self._searching.close()
        self._connection.close()

    # sessions

    def sessions(self, wanted: SessionFilter = SessionFilter()) -> list[SessionRow]:  # noqa: B008
        """Sessions of the workspace, the most recently changed first."""
        where, values = session_conditions(wanted, self.workspace, self._authors)
        limit = "" if wanted.limit is None else f" LIMIT {max(wanted.limit, 0)}"
        sql = f"{_SESSION} WHERE {' AND '.join(where)} ORDER BY s.updated DESC, s.id DESC{limit}"
        return self._session_rows(self._connection.execute(sql, values).fetchall())

    def largest(self, limit: int) -> list[SessionRow]:
        """The sessions of the workspace that take most space, the trash included; the largest first."""
        sql = f"{_SESSION} WHERE s.workspace=? ORDER BY s.bytes DESC, s.id LIMIT ?"
        return self._session_rows(self._connection.execute(sql, (self.workspace, limit)).fetchall())

    def session(self, identifier: str) -> SessionRow:
        """One session by its id, or by a prefix that is unique in the workspace of the call."""
        row = self._find_session(identifier)[0]
        return self._session_rows([self._connection.execute(f"{_SESSION} WHERE s.row=?", (row,)).fetchone()])[0]

    def of_other_devices(self, since: int) -> list[str]:
        """Sessions of the home that changed since then (ms) and in which other devices of this person wrote."""
        identity, device = map(bytes.fromhex, self.own_device())
        sql = "SELECT row FROM author WHERE identity=? AND device<>? AND claimed=0"
        authors = [row for (row,) in self._connection.execute(sql, (identity, device))]
        sql = (
            f"SELECT id FROM session WHERE row IN (SELECT session FROM session_author WHERE author {LISTED}) "
            "AND updated>=? AND trashed=0 ORDER BY updated DESC"
        )
        return [row[0] for row in self._connection.execute(sql, (listed(authors), since))] if authors else []

    def named_sessions(self) -> list[NamedSession]:
        """Titles of the workspace's sessions, archived ones too, the most recently changed first."""
        rows = self._connection.execute(
            "SELECT id, title, updated FROM session WHERE workspace=? AND trashed=0 ORDER BY updated DESC, id DESC",
            (self.workspace,),
        )
        return [NamedSession(identifier, title or UNTITLED, updated or 0) for identifier, title, updated in rows]

    def children(self, session: str) -> list[SessionRow]:
        """Sessions of the workspace that were started by calls of this one (its full id), oldest first."""
        where = "s.workspace=? AND s.trashed=0 AND s.parent IS NOT NULL AND json_extract(s.parent, '$.session')=?"
        rows = self._connection.execute(f"{_SESSION} WHERE {where} ORDER BY s.id", (self.workspace, session))
        return self._session_rows(rows.fetchall())

    def facets(self, *, everywhere: bool = False) -> Facets:
        """What the sessions of the workspace, or of the home, can be narrowed by."""
        return read_facets(self._connection, None if everywhere else self.workspace)

    def losses(self, sessions: Sequence[str]) -> Losses:
        """What a purge of these sessions (full ids, of one workspace) would take."""
        from app.sessions.purging import losses

        return losses(self._connection, sessions)

    def latest(self) -> SessionRow | None:
        """The workspace's most recently changed session."""
        rows = self.sessions(SessionFilter(archived=None, limit=1))
        return rows[0] if rows else None

    def with_sub_sessions(self, sessions: Sequence[str]) -> list[str]:
        """Ids of these sessions (full ids) of the workspace and of all sub-sessions of them."""
        from app.sessions.purging import with_sub_sessions

        return with_sub_sessions(self._connection, self.workspace, sessions)

    def _session_rows(self, rows: Sequence[Any]) -> list[SessionRow]:
        names = self._session_authors([row[0] for row in rows])
        unread = self._unread([row[0] for row in rows])
        copied = {row for (row,) in self._connection.execute("SELECT workspace FROM copied_workspace")}
        workspaces: dict[int, tuple[str, str]] = {}
        found = []
        for row in rows:
            (number, session, title, type_, status, workspace, created, updated, events, archived, trashed) = row[:11]
            (tags, agent, size, cwd, source, origin_session, origin_event, parent) = row[11:]
            if workspace not in workspaces:
                workspaces[workspace] = self._workspace_name(workspace)
            origin = (origin_session, origin_event) if origin_session else None
            inherited = self._inherited(number) if origin else 0
            found.append(
                SessionRow(
                    session,
                    title or UNTITLED,
                    type_,
                    status,
                    *workspaces[workspace],
                    created or 0,
                    updated or 0,
                    events + inherited,
                    bool(archived),
                    bool(trashed),
                    () if tags == "[]" else tuple(msgspec.json.decode(tags)),
                    agent,
                    names.get(number, ()),
                    size,
                    cwd,
                    source,
                    origin,
                    None if parent is None else msgspec.json.decode(parent),
                    unread.get(number, 0),
                    workspace in copied,
                )
            )
        return found

    def _unread(self, sessions: Sequence[int]) -> dict[int, int]:
        """How many events people have not seen, of sessions that have any."""
        where, values = _of_few("s.row", sessions)
        rows = self._connection.execute(
            "SELECT s.row, (SELECT count(*) FROM (SELECT 1 FROM event e WHERE e.session=s.row AND e.id>n.event "
            f"AND e.lines>0 LIMIT {MOST_UNREAD})) FROM seen n CROSS JOIN session s ON s.id=n.session "
            f"WHERE s.greatest>=n.counter AND {where}",
            values,
        )
        return {row: count for row, count in rows if count}

    def first_unseen(self, session: str) -> int | None:
        """The row id of the first event that people have not seen; None: they have, or never looked."""
        row, identifier = self._find_session(session)[:2]
        found = self._connection.execute(
            "SELECT e.row FROM seen n JOIN event e ON e.session=? AND e.id>n.event AND e.lines>0 WHERE n.session=? "
            "ORDER BY e.id LIMIT 1",
            (row, identifier),
        ).fetchone()
        return int(found[0]) if found else None

    def _session_authors(self, sessions: Sequence[int]) -> dict[int, tuple[str, ...]]:
        """Names of people by session, sorted. Without a join: a list of thousands is read on every look."""
        name_of = dict(self._connection.execute("SELECT row, name FROM author"))
        where, values = _of_few("session", sessions)
        names: dict[int, tuple[str, ...]] = {}
        found = self._connection.execute(f"SELECT session, author FROM session_author WHERE {where}", values)
        for session, author in found:
            known, name = names.get(session, ()), name_of[author]
            if name not in known:
                names[session] = tuple(sorted((*known, name)))
        return names

    def _inherited(self, session: int) -> int:
        """How many events of its origins a session (row id) continues."""
        return sum(
            self._connection.execute(
                "SELECT count(*) FROM event WHERE session=? AND id<=?", (part.row, part.last)
            ).fetchone()[0]
            for part in conversation(self._connection, session)[:-1]
        )

    def summary(self, session: str) -> Summary | None:
        """What an agent has said that a session came to; None where none has."""
        row = self._find_session(session)[0]
        (counter,) = self._connection.execute("SELECT counter FROM session WHERE row=?", (row,)).fetchone()
        found = current_fields(self._connection, row, counter).get(FIELD)
        return None if found is None else read_summary(*found)

    def summaries(self, limit: int) -> dict[str, str]:
        """Summaries of the workspace's sessions that changed last, by their ids; of `limit` sessions at most."""
        rows = self._connection.execute(
            "SELECT s.id, f.event, f.value FROM (SELECT row, id FROM session WHERE workspace=? AND trashed=0 "
            "ORDER BY updated DESC LIMIT ?) s JOIN session_field f ON f.session=s.row AND f.field=? ORDER BY f.event",
            (self.workspace, limit, FIELD),
        )
        found = {session: read_summary(event, value) for session, event, value in rows}
        return {session: summary.text for session, summary in found.items() if summary is not None}

    # search

    def search(self, query: str, wanted: SearchFilter = SearchFilter()) -> list[SearchHit]:  # noqa: B008
        """Events that hold all words, newest first; nothing that people type is an error."""
        return self._search_queries().search(query, wanted)

    def find(self, session: str, query: str) -> list[str]:
        """Ids of the events of a conversation that hold all words, in order; the last word is unfinished."""
        return self._search_queries().find(session, query)

    def related(self, text: str, *, but: str | None = None) -> list[RelatedSession]:
        """Earlier sessions of the workspace that have to do with a text, the best first. but: not this one."""
        from app.sessions.related import RelatedQueries  # few programs ask

        return RelatedQueries(self._connection, self._blobs, self.workspace).related(text, but=but)

    def _search_queries(self) -> SearchQueries:
        if self._searching is None:
            from app.sessions.search_queries import SearchQueries  # most programs never search

            self._searching = SearchQueries(self._connection, self._blobs, self.workspace)
        self._searching.workspace = self.workspace
        return self._searching

    # notes and drafts

    def note(self, session: str) -> str:
        """The text of a session's note, '' when there is none."""
        row, identifier = self._find_session(session)[:2]
        found = self._connection.execute(
            "SELECT n.text FROM note n JOIN session s ON s.workspace=n.workspace WHERE s.row=? AND n.name=?",
            (row, f"session/{identifier}"),
        ).fetchone()
        return found[0] if found else ""

    def drafts(self, session: str) -> list[DraftRow]:
        """What agents are writing in a session right now."""
        rows = self._connection.execute(
            "SELECT session, turn, kind, agent, text, time FROM draft WHERE session=? ORDER BY time", (session,)
        )
        return [DraftRow(*row) for row in rows]

    def drafting(self) -> list[str]:
        """Names of the processes of this home that drafts and output of running commands belong to."""
        sql = "SELECT process FROM draft UNION SELECT process FROM output"
        return [row[0] for row in self._connection.execute(sql) if not row[0].startswith(FAR)]


def _of_few(column: str, sessions: Sequence[int]) -> tuple[str, list[str]]:
    """A condition with its values: that rows are of these sessions, or any where they are so many that all are read."""
    return (f"{column} {LISTED}", [listed(sessions)]) if len(sessions) <= PAGE_ROWS else ("1", [])
