"""Queries: everything that reads, from the projection, on a reading connection of its own.

Lists and searches show one workspace, unless their filter says otherwise. Sessions are found by a prefix only inside
it; an exact id finds them anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from app.sessions.bodies import MAX_TIME
from app.sessions.command_queries import CommandQueries
from app.sessions.event_queries import PAGE_ROWS, UNTITLED
from app.sessions.facets import Facets, read_facets
from app.sessions.filtering import session_conditions, within_time
from app.sessions.filters import SearchFilter, SessionFilter
from app.sessions.lineage import Part, conversation
from app.sessions.purging import Losses, losses, with_sub_sessions
from app.sessions.snippets import RAW_CLOSE, RAW_OPEN, cut_snippet
from app.sessions.views import DraftRow, NamedSession, SearchHit, SessionRow
from sync.store.search_index import completions, first_row, match_expression

_SESSION = (
    "SELECT s.row, s.id, s.title, s.type, s.status, s.workspace, s.created, s.updated, s.events, s.archived, "
    "s.trashed, s.tags, s.agent, s.bytes, s.cwd, s.source, s.origin_session, s.origin_event, s.parent FROM session s"
)

MOST_UNREAD = 100
ROW_SLACK = 3_600_000
"""How far behind its moment the row of an event may lie, where many share one."""
FEW_SESSIONS = 64
"""So many sessions are named to the index; among more, rows that it finds are looked at one by one."""


class Queries(CommandQueries):
    """Use it on the thread that opened the connection. workspace: row id of the workspace of the call."""

    def close(self) -> None:
        """Give the connection back."""
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
        return losses(self._connection, sessions)

    def latest(self) -> SessionRow | None:
        """The workspace's most recently changed session."""
        rows = self.sessions(SessionFilter(archived=None, limit=1))
        return rows[0] if rows else None

    def with_sub_sessions(self, sessions: Sequence[str]) -> list[str]:
        """Ids of these sessions (full ids) of the workspace and of all sub-sessions of them."""
        return with_sub_sessions(self._connection, self.workspace, sessions)

    def _session_rows(self, rows: Sequence[Any]) -> list[SessionRow]:
        names = self._session_authors([row[0] for row in rows])
        unread = self._unread([row[0] for row in rows])
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
                )
            )
        return found

    def _unread(self, sessions: Sequence[int]) -> dict[int, int]:
        """How many events people have not seen, of sessions that have any."""
        where = f" AND s.row IN ({','.join(map(str, sessions))})" if len(sessions) <= PAGE_ROWS else ""
        rows = self._connection.execute(
            "SELECT s.row, (SELECT count(*) FROM (SELECT 1 FROM event e WHERE e.session=s.row AND e.id>n.event "
            f"AND e.lines>0 LIMIT {MOST_UNREAD})) FROM seen n CROSS JOIN session s ON s.id=n.session "
            f"WHERE s.greatest>=n.counter{where}"
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
        where = f" WHERE session IN ({','.join(map(str, sessions))})" if len(sessions) <= PAGE_ROWS else ""
        names: dict[int, tuple[str, ...]] = {}
        for session, author in self._connection.execute(f"SELECT session, author FROM session_author{where}"):
            known, name = names.get(session, ()), name_of[author]
            if name not in known:
                names[session] = tuple(sorted((*known, name)))
        return names

    def _authors(self, author: str) -> list[int]:
        """Rows of authors by a person's name, an agent's name, or a prefix of an identity or device id."""
        rows = self._connection.execute(
            "SELECT row FROM author WHERE name=?1 COLLATE NOCASE OR agent=?1 COLLATE NOCASE OR (length(?1)>=6 AND "
            "(substr(hex(identity), 1, length(?1))=upper(?1) OR substr(hex(device), 1, length(?1))=upper(?1)))",
            (author,),
        )
        return [row[0] for row in rows]

    def _inherited(self, session: int) -> int:
        """How many events of its origins a session (row id) continues."""
        return sum(
            self._connection.execute(
                "SELECT count(*) FROM event WHERE session=? AND id<=?", (part.row, part.last)
            ).fetchone()[0]
            for part in conversation(self._connection, session)[:-1]
        )

    # search

    def search(self, query: str, wanted: SearchFilter = SearchFilter()) -> list[SearchHit]:  # noqa: B008
        """Events that hold all words, newest first; nothing that people type is an error."""
        parts = [] if wanted.session is None else self._parts(wanted.session)
        within, values_within = session_conditions(_within(wanted), self.workspace, self._authors)
        match = self._match(query, wanted, parts)
        if match is None:
            return []
        since = within_time(wanted.since)
        until = within_time(wanted.until)
        since, until = -MAX_TIME if since is None else since, MAX_TIME if until is None else until
        where = ["search MATCH ?", "search.rowid BETWEEN ? AND ?", "e.time BETWEEN ? AND ?"]
        values: list[int | str] = [match, first_row(since), first_row(until) + ROW_SLACK, since, until]
        if parts:
            where += ["s.workspace=?", " OR ".join("e.session=? AND e.id<=?" for _ in parts)]
            values += [self.workspace, *(value for part in parts for value in (part.row, part.last))]
        else:
            where += within
            values += values_within
        # CROSS JOIN: the index comes first; asked for one session SQLite would look up each of its events in the index
        rows = self._connection.execute(
            "SELECT s.id, e.id, e.kind, e.time, s.title, "
            f"highlight(search, 0, '{RAW_OPEN}', '{RAW_CLOSE}') "
            "FROM search CROSS JOIN event e ON e.row=search.rowid CROSS JOIN session s ON s.row=e.session "
            f"WHERE ({') AND ('.join(where)}) "
            f"ORDER BY {'search.rank' if wanted.rank else 'search.rowid DESC'} LIMIT ?",
            (*values, max(wanted.limit, 0)),
        ).fetchall()
        return [
            SearchHit(session, event, kind, time, title or UNTITLED, cut_snippet(marked))
            for session, event, kind, time, title, marked in rows
        ]

    def find(self, session: str, query: str) -> list[str]:
        """Ids of the events of a conversation that hold all words, in order; the last word is unfinished."""
        parts = self._parts(session)
        sessions = [f"s{part.row}" for part in parts]
        match = match_expression(query, [sessions], as_typed=True, complete=partial(completions, self._connection))
        if match is None:
            return []
        where = " OR ".join("e.session=? AND e.id<=?" for _ in parts)
        rows = self._connection.execute(
            "SELECT e.session, e.id FROM search CROSS JOIN event e ON e.row=search.rowid "
            f"WHERE search MATCH ? AND e.kind<>'session_set' AND ({where})",
            (match, *(value for part in parts for value in (part.row, part.last))),
        ).fetchall()
        order = {part.row: number for number, part in enumerate(parts)}
        return [event for _part, event in sorted((order[part], event) for part, event in rows)]

    def _match(self, query: str, wanted: SearchFilter, parts: Sequence[Part]) -> str | None:
        """The expression for the index; None when it can match nothing."""
        (workspaces,) = self._connection.execute("SELECT count(*) FROM workspace").fetchone()
        # Where there is but one workspace its token, which all rows have, would only cost time.
        filters = [[f"w{self.workspace}"]] if workspaces > 1 and not _within(wanted).everywhere else []
        if (few := self._few_sessions(wanted.within)) is not None:
            filters.append([f"s{row}" for row in few])
        if parts:
            filters.append([f"s{part.row}" for part in parts])
        if wanted.type is not None:
            filters.append([f"t_{wanted.type}"])
        if wanted.kind is not None:
            filters.append([f"k_{wanted.kind}"])
        if wanted.author is not None:
            filters.append([f"a{row}" for row in self._authors(wanted.author)])
        if not all(filters):
            return None
        complete = partial(completions, self._connection)
        return match_expression(query, filters, as_typed=wanted.as_typed, complete=complete)

    def _few_sessions(self, within: SessionFilter | None) -> list[int] | None:
        """Rows of the sessions a search is narrowed to, where they are so few that the index should know them."""
        if within is None or within == SessionFilter(archived=None, everywhere=within.everywhere):
            return None
        where, values = session_conditions(within, self.workspace, self._authors)
        sql = f"SELECT s.row FROM session s WHERE {' AND '.join(where)} LIMIT {FEW_SESSIONS + 1}"
        rows = [row for (row,) in self._connection.execute(sql, values)]
        return rows if len(rows) <= FEW_SESSIONS else None

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
        """Names of the processes that drafts and output of running commands belong to."""
        sql = "SELECT process FROM draft UNION SELECT process FROM output"
        return [row[0] for row in self._connection.execute(sql)]


def _within(wanted: SearchFilter) -> SessionFilter:
    return wanted.within or SessionFilter(archived=None)
